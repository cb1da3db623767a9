-- Who may ask: clients (tills, webshop, app, staff devices) and their keys.
create schema access;

create table access.client (
  client_id integer generated always as identity,
  name text not null,
  created_at timestamptz not null,
  constraint client_pkey primary key (client_id),
  constraint client_name_is_unique unique (name)
);

-- A token is hyl_live_<key_id>_<secret><checksum>; only the secret's SHA-256 is kept.
create table access.key (
  key_id text not null,
  client_id integer not null,
  secret_hash bytea not null,
  scopes text[] not null,
  locations text[],
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  constraint key_pkey primary key (key_id),
  constraint key_belongs_to_a_client foreign key (client_id) references access.client (client_id),
  constraint secret_hash_is_sha256 check (octet_length(secret_hash) = 32),
  constraint key_has_a_scope check (cardinality(scopes) > 0)
);
create index key_by_client on access.key (client_id);
