{# How the texts of an export become values. All times are local times of the Centre. #}

{% macro clean(column) -%}
    nullif(trim({{ column }}), '')
{%- endmacro %}

{% macro whole(column) -%}
    cast(nullif(trim({{ column }}), '') as {{ dbt.type_int() }})
{%- endmacro %}

{% macro yes(column) -%}
    coalesce(lower(trim({{ column }})) in ('1', 'true'), false)
{%- endmacro %}

{% macro local_time(column) -%}
    {{ return(adapter.dispatch('local_time')(column)) }}
{%- endmacro %}

{# The forms of the contract: yyyyMMddHHmmss; dd/MM/yyyy[ HH:mm[:ss]]; ISO 8601, with or without
   an offset. The loader has rejected every other text. #}
{% macro default__local_time(column) -%}
    case
        when {{ column }} is null then null
        when length({{ column }}) = 14
            then cast(overlay({{ column }} placing ' ' from 9 for 0) as timestamp)
        when trim({{ column }}) = '' then null
        when substr(trim({{ column }}), 3, 1) = '/'
            then cast(
                substr(trim({{ column }}), 7, 4)
                || '-' || substr(trim({{ column }}), 4, 2)
                || '-' || substr(trim({{ column }}), 1, 2)
                || substr(trim({{ column }}), 11) as timestamp
            )
        when substr(trim({{ column }}), 12) ~ '[Z+-]'
            then cast(trim({{ column }}) as timestamptz) at time zone 'Asia/Ho_Chi_Minh'
        else cast(trim({{ column }}) as timestamp)
    end
{%- endmacro %}

{# row_id is file_id * 2^32 + number of the record in its file. #}
{% macro file_of(row_id) -%}
    cast({{ row_id }} >> 32 as {{ dbt.type_int() }})
{%- endmacro %}

{% macro record_of(row_id) -%}
    cast({{ row_id }} & 4294967295 as {{ dbt.type_bigint() }})
{%- endmacro %}
