-- The app role may execute functions and select; nothing else. Whatever is made later gets the
-- same, since this file runs again whenever it or the functions change.
do $$
declare
  v_schema text;
begin
  foreach v_schema in array array[
    'migrations', 'events', 'access', 'web', 'locations', 'catalog', 'stock', 'trust',
    'availability', 'imports', 'sales', 'pos', 'reservations', 'counts',
    'exceptions', 'mapping', 'late', 'matching', 'terminals',
    'transfers'
  ] loop
    execute format('revoke all on schema %I from public', v_schema);
    execute format('revoke all on all tables in schema %I from public', v_schema);
    execute format('revoke all on all functions in schema %I from public', v_schema);
    execute format('grant usage on schema %I to hylde_app', v_schema);
    execute format('grant select on all tables in schema %I to hylde_app', v_schema);
    execute format('grant execute on all functions in schema %I to hylde_app', v_schema);
    execute format(
      'alter default privileges in schema %I grant select on tables to hylde_app', v_schema
    );
    execute format(
      'alter default privileges in schema %I revoke execute on functions from public', v_schema
    );
  end loop;
end;
$$;
