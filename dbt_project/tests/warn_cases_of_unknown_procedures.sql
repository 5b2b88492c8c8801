-- Files come in any order, so a case may arrive before its procedure: a warning, no error.
{{ config(severity='warn') }}

with

cases as (

    select * from {{ ref('fct_cases') }}
    where last_known_on in {{ changed_days('cases') }}

),

procedures as (

    select distinct procedure_code from {{ ref('dim_procedures') }}

),

final as (

    select
        cases.case_code,
        cases.procedure_code
    from cases
    left join procedures on cases.procedure_code = procedures.procedure_code
    where procedures.procedure_code is null

)

select * from final
