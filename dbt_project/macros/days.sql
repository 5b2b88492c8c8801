{% macro days_between(first, last) -%}
    {{ return(adapter.dispatch('days_between')(first, last)) }}
{%- endmacro %}

{# By times without zone: in one whose midnight was once skipped, as ours on 1947-04-01, every later
   time is off midnight, and the last day is lost. #}
{% macro postgres__days_between(first, last) -%}
    select cast(series.day as date) as day
    from generate_series(
        timestamp '{{ first }}', timestamp '{{ last }}', interval '1 day'
    ) as series (day)
{%- endmacro %}
