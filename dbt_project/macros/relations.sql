{# Records told on the days of this build whose case nobody has told. #}
{% macro told_now_without_case(fact, feed) -%}
with

told as (

    select * from {{ ref(fact) }}
    where valid_from in {{ changed_days(feed) }}

),

cases as (

    select case_code from {{ ref('fct_cases') }}

),

final as (

    select
        told.case_code,
        told.row_id
    from told
    left join cases on told.case_code = cases.case_code
    where
        told.case_code is not null
        and cases.case_code is null

)

select * from final
{%- endmacro %}
