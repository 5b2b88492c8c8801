{# A folder's schema is its name, not <target>_<name>: one warehouse, one place for each layer. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ var('schema_prefix', '') }}{{ custom_schema_name or target.schema }}
{%- endmacro %}
