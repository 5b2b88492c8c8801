{# How the texts of an export become values. All times are local times of the Centre. #}

{# A text of the reference pack, which people write: no blanks around it, nothing for an empty one.
   Records of exports need neither, for the loader has settled both. #}
{% macro clean(column) -%}
    nullif(trim({{ column }}), '')
{%- endmacro %}

{% macro whole(column) -%}
    cast({{ column }} as {{ dbt.type_int() }})
{%- endmacro %}

{# Of an export, where it is 1, 0 or nothing. #}
{% macro flag(column) -%}
    coalesce({{ column }} = '1', false)
{%- endmacro %}

{# Of the reference pack. #}
{% macro yes(column) -%}
    coalesce(lower({{ clean(column) }}) in ('1', 'true'), false)
{%- endmacro %}

{% macro local_time(column) -%}
    {{ return(adapter.dispatch('local_time')(column)) }}
{%- endmacro %}

{# The forms of the contract: yyyyMMddHHmmss; dd/MM/yyyy[ HH:mm[:ss]]; ISO 8601, with or without
   an offset. The loader has rejected every other text. #}
{% macro default__local_time(column) -%}
    case
        when {{ column }} is null then null
        when octet_length({{ column }}) = 14
            then {{ time_of_digits('cast(' ~ column ~ ' as bigint)') }}
        else {{ time_of_other_form(column) }}
    end
{%- endmacro %}

{# For columns with millions of moments: the number that one of fourteen digits is, which a view of its
   own reads once for each record (base_), and the moment, for which the number is needed six times.
   0.13 µs instead of 0.26. #}
{% macro digits(column) -%}
    case when octet_length({{ column }}) = 14 then cast({{ column }} as bigint) end
{%- endmacro %}

{% macro local_time_by_digits(column) -%}
    case
        when {{ column }}_digits is not null then {{ time_of_digits(column ~ '_digits') }}
        when {{ column }} is not null then {{ time_of_other_form(column) }}
    end
{%- endmacro %}

{# Of the number yyyyMMddHHmmss. By arithmetic it takes half the time of a text that the server parses. #}
{% macro time_of_digits(number) -%}
    make_timestamp(
        cast({{ number }} / 10000000000 as integer),
        cast({{ number }} / 100000000 % 100 as integer),
        cast({{ number }} / 1000000 % 100 as integer),
        cast({{ number }} / 10000 % 100 as integer),
        cast({{ number }} / 100 % 100 as integer),
        {{ number }} % 100
    )
{%- endmacro %}

{% macro time_of_other_form(column) -%}
    case
        when substr({{ column }}, 3, 1) = '/'
            then cast(
                substr({{ column }}, 7, 4)
                || '-' || substr({{ column }}, 4, 2)
                || '-' || substr({{ column }}, 1, 2)
                || substr({{ column }}, 11) as timestamp
            )
        when substr({{ column }}, 12) ~ '[Z+-]'
            then cast({{ column }} as timestamptz) at time zone 'Asia/Ho_Chi_Minh'
        else cast({{ column }} as timestamp)
    end
{%- endmacro %}

{# row_id is file_id * 2^32 + number of the record in its file. #}
{% macro file_of(row_id) -%}
    cast({{ row_id }} >> 32 as {{ dbt.type_int() }})
{%- endmacro %}

{% macro record_of(row_id) -%}
    cast({{ row_id }} & 4294967295 as {{ dbt.type_bigint() }})
{%- endmacro %}
