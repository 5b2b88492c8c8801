{# A table with a contract is filled first, by a query that may run on several cores, and then gets its
   key, its checks and its `not null`: an index is built faster than it grows, row by row. dbt-postgres
   makes the table with all of them and inserts into it. #}
{% macro postgres__create_table_as(temporary, relation, sql) -%}
    {%- set contracted = config.get('contract').enforced -%}
    {%- if contracted -%} {{ get_assert_columns_equivalent(sql) }} {%- endif -%}
    {%- if contracted and not temporary -%}
    create table {{ relation }} as (
        select
        {%- for column in model['columns'].values() %}
            cast(contents.{{ column['name'] }} as {{ column['data_type'] }})
                as {{ column['name'] }}
            {{- ',' if not loop.last }}
        {%- endfor %}
        from (
            {{ sql }}
        ) as contents
    );
    {{ add_constraints(relation) }}
    {%- else -%}
    create {{ 'temporary' if temporary }} table {{ relation }} as (
        {{ sql }}
    );
    {%- endif -%}
{%- endmacro %}

{% macro add_constraints(relation) -%}
    {%- set changes = [] -%}
    {%- for rendered in adapter.render_raw_model_constraints(model['constraints']) -%}
        {%- do changes.append('add ' ~ rendered) -%}
    {%- endfor -%}
    {%- for column in model['columns'].values() -%}
        {%- for constraint in column['constraints'] -%}
            {%- if constraint['type'] != 'not_null' -%}
                {{ exceptions.raise_compiler_error(
                    'Constraint ' ~ constraint['type'] ~ ' of column ' ~ column['name']
                    ~ ': write it as a constraint of the model'
                ) }}
            {%- endif -%}
            {%- do changes.append('alter column ' ~ column['name'] ~ ' set not null') -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if changes -%} alter table {{ relation }} {{ changes | join(', ') }}; {%- endif -%}
{%- endmacro %}
