{# Rows of a fact that were told on the days of this build. Those of a few files are looked up by their
   keys, those of many in one pass over the fact. #}
{% macro told_now(fact, day, feed) -%}
    select fact.* from {{ ref(fact) }} as fact
    {%- if few_values(files_of_changed_days(feed)) is not none %}
    inner join (
        {{ keys_told_on_changed_days(feed) | indent(8) }}
    ) as told
        on
        {%- for name in told_by(feed)['key'] %}
            {{ 'and ' if not loop.first }}fact.{{ name }} = told.{{ name }}
        {%- endfor %}
    {%- endif %}
    where fact.{{ day }} in {{ changed_days(feed) }}
{%- endmacro %}

{# Records told on the days of this build whose case nobody has told. #}
{% macro told_now_without_case(fact, feed) -%}
with

told as (

    {{ told_now(fact, 'valid_from', feed) }}

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
