{% macro days_between(first, last) -%}
    {{ return(adapter.dispatch('days_between')(first, last)) }}
{%- endmacro %}

{% macro postgres__days_between(first, last) -%}
    select cast(series.day as date) as day
    from generate_series(date '{{ first }}', date '{{ last }}', interval '1 day') as series (day)
{%- endmacro %}
