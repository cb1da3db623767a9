"""openapi.yaml is what the routes say, others can read it, and /docs renders it strictly."""

import re
from typing import Any

import pytest
import schemathesis
import yaml

from service.access.types import SCOPES
from service.app import ROUTERS, build_app
from service.db import Db
from service.outcomes import REFUSALS
from service.settings import Settings
from service.web.openapi import as_yaml, document, refusals_of, specs_of
from tests.shape.files_test import ROOT

APP = build_app(Settings(), Db(""))
DOCUMENT = document(APP)
SPECS = specs_of(APP)
TEXT = as_yaml(DOCUMENT)


def test_the_committed_contract_is_what_the_routes_say() -> None:
    committed = (ROOT / "openapi.yaml").read_text()
    assert committed == TEXT, "run: .venv/bin/hylde openapi > openapi.yaml"


def test_the_text_is_the_document_and_stays_the_same() -> None:
    assert yaml.safe_load(TEXT) == DOCUMENT
    assert as_yaml(document(APP)) == TEXT


def test_every_route_stands_in_the_contract() -> None:
    handlers = [handler for router in ROUTERS for handler in router]
    missing = [s.name for h in handlers if (s := h.spec) not in SPECS]
    assert missing == ["docs", "docs_file"]
    names = [spec.name for spec in SPECS]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere() -> None:
    found = set(re.findall(r"\$ref: '?#/([\w./-]+)'?", TEXT))
    assert found
    for reference in found:
        at: Any = DOCUMENT
        for step in reference.split("/"):
            assert step in at, reference
            at = at[step]


def test_nothing_is_described_that_no_route_uses() -> None:
    for kind in ("responses", "headers", "schemas"):
        for name in DOCUMENT["components"][kind]:
            assert f"#/components/{kind}/{name}'" in TEXT, f"{kind}/{name}"


def test_patterns_are_those_of_json_schema() -> None:
    for pattern in re.findall(r"pattern: (.*)", TEXT):
        assert not re.search(r"\\[AZ]|\(\?!\\n\)", pattern), pattern


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_route_refuses_with_codes_of_the_list_and_asks_for_scopes_of_the_list(spec: Any) -> None:
    assert set(refusals_of(spec)) <= set(REFUSALS)
    assert set(spec.scopes or ()) <= SCOPES
    assert spec.scopes is None or spec.path.startswith("/v1/")
    assert spec.scopes or not spec.path.startswith("/v1/"), "a route of /v1 needs a token"
    assert spec.summary
    assert spec.description
    assert spec.tag


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_route_describes_the_answers_of_its_kind(spec: Any) -> None:
    path = re.sub(r":\w+", "", spec.path)
    made = DOCUMENT["paths"][path][spec.method.lower()]
    wanted = {str(status) for status in spec.statuses} | {"500", "503"}
    if spec.scopes:
        wanted |= {"401", "403", "429"}
    if spec.takes is not None:
        wanted |= {"400", "408", "413", "415"}
    if spec.keyed:
        wanted |= {"400", "422"}
        assert any(p["name"] == "Idempotency-Key" and p["required"] for p in made["parameters"])
    if spec.etag and spec.method == "GET":
        wanted |= {"304"}
    assert wanted <= set(made["responses"])
    assert [next(iter(s.values()))[0] for s in made["security"]] == list(spec.scopes or ())


def test_a_post_that_changes_something_needs_a_key_or_has_a_natural_one() -> None:
    natural = {"post_receipts", "post_poslog", "record_heartbeat", "record_closing",
               "query_availability", "import_items",
               "import_locations", "import_stock"}  # fmt: skip
    assert {s.name for s in SPECS if s.method == "POST" and not s.keyed} <= natural


def test_other_tools_can_read_it() -> None:
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == len(SPECS)


async def test_the_service_gives_its_own_contract(service: Any) -> None:
    reply = await service.get("/openapi.yaml", token="")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/yaml"
    assert reply.text == TEXT
    again = await service.get(
        "/openapi.yaml", token="", headers={"If-None-Match": reply.headers["etag"]}
    )
    assert again.status_code == 304


async def test_the_page_takes_everything_from_us_and_runs_no_script_of_its_own(
    service: Any,
) -> None:
    page = await service.get("/docs", token="")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", page.text)
    linked = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(linked) == 5
    for link in linked:
        assert link.startswith("/")
        found = await service.get(link, token="")
        assert found.status_code == 200, link
        assert found.content
    missing = await service.get("/docs/none.js", token="")
    assert missing.status_code == 404
    outside = await service.get("/docs/..%2f__init__.py", token="")
    assert outside.status_code == 404
