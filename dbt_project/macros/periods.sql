{# The periods whose figures this build computes, oldest first; none before that table is there. #}
{% macro periods_due(table) -%}
    {%- if not execute or load_relation(table) is none -%} {{ return([]) }} {%- endif -%}
    {{ return(run_query('select period_code, as_of from ' ~ table ~ ' order by period_code')) }}
{%- endmacro %}

{# Of a table with a smallint for each due period, the value for the period of a row. #}
{% macro value_of_period(table, periods, period_code) -%}
    case {{ period_code }}
    {%- for period in periods %}
        when '{{ period.period_code }}' then {{ table }}.{{ adapter.quote(period.period_code) }}
    {%- endfor %}
        when '' then cast(null as smallint)
    end
{%- endmacro %}
