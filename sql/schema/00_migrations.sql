-- What has been applied to this database: written by `hylde migrate` only.
create schema migrations;

create table migrations.migration (
  name text not null,
  checksum text not null,
  applied_at timestamptz not null,
  constraint migration_pkey primary key (name)
);

-- Functions and grants are replaced as a whole when their text changes; this says which text is in.
create table migrations.installed (
  what text not null,
  checksum text not null,
  installed_at timestamptz not null,
  constraint installed_pkey primary key (what)
);
