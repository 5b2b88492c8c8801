{# Which reference pack core is built with, noted in the transaction that completes the build. A build
   beside the living schemas notes nothing. #}
{% macro note_pack() -%}
    {%- if not var('schema_prefix', '') %}
    insert into {{ source('reference', 'builds') }} (reference_sha256)
    select '{{ var("reference_sha256") }}'
    where '{{ var("reference_sha256") }}' is distinct from (
        select newest.reference_sha256
        from {{ source('reference', 'builds') }} as newest
        order by newest.build_number desc
        limit 1
    )
    {%- endif %}
{%- endmacro %}
