-- Which cases an indicator of online services counts depends on their procedures.

alter table evidence.case_counts add column procedure_code text;
comment on column evidence.case_counts.procedure_code is
    'The procedure of the cases; empty in releases of before this column.';
