-- Purpose: problems of lines by receipt, and the codes of the receipts that they change.
create or replace function pos.gather_problems(
  p_problems pos.line_problem[], inout p_codes text[], inout p_told jsonb[]
)
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_problem pos.line_problem;
begin
  foreach v_problem in array coalesce(p_problems, '{}') loop
    p_told[v_problem.command] :=
      coalesce(p_told[v_problem.command], '[]') || pos.problem_body(v_problem);
    if v_problem.code in ('unmapped', 'fractional_quantity') then
      p_codes[v_problem.command] := 'partly_posted';
    end if;
  end loop;
end;
$$;
