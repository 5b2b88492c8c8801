-- The newest results without reading all of them: the pages ask for the last runs.

create index dbt_results_by_time on ops.dbt_results (finished_at);
create index gate_results_by_subject on ops.gate_results (gate, subject, checked_at);
