{# What was known when. A feed tells every record in full on each day it changed; `versions` turns
   the days into rows valid from one business date until the next one that told the record again.

   Only days whose set of files changed are read again (int_days_changed). Every record told on such
   a day, before or now, is `touched`: its rows are written anew, all others stay as they are. The
   outcome depends on the set of files alone, never on the order in which they came. #}

{# Few days stand in the statement as they are, so that the server knows how few rows it will find,
   however long the history is; it would guess an average day of it otherwise, times their number. #}
{% macro changed_days(feed) -%}
    {%- set days -%}
        select changed.business_date
        from {{ relation_named('intermediate', 'int_days_changed') }} as changed
        where changed.feed = '{{ feed }}'
    {%- endset -%}
    {%- set few = few_values(days) -%}
    {%- if few is none -%} ({{ days }})
    {%- elif few -%} (date '{{ few | join("', date '") }}')
    {%- else -%} (cast(null as date))
    {%- endif -%}
{%- endmacro %}

{% macro versions(feed, columns) %}
{%- set key = told_by(feed)['key'] -%}
{%- set keys = key | join(', ') -%}
-- depends_on: {{ ref('int_files_of_changed_days') }}
with

files as {{ 'materialized' if is_incremental() }} (

    select * from {{ ref('int_files_active') }}
    where
        feed = '{{ feed }}'
    {%- if is_incremental() %}
        and business_date in {{ changed_days(feed) }}
    {%- endif %}

),

read as (

    select
        records.*,
        files.business_date,
        files.place
    from {{ ref(told_by(feed)['staging']) }} as records
    inner join files on records.file_id = files.file_id
    {%- if is_incremental() %}
    where {{ rows_of_files('records.row_id', files_of_changed_days(feed)) }}
    {%- endif %}
    -- Values are narrower than the texts that they are read from: so read before the sort.
    limit all

),

ordered as (

    select
        read.*,
        lead(read.business_date) over (
            partition by {% for name in key %}read.{{ name }}{{ ', ' if not loop.last }}{% endfor %}
            order by read.business_date, read.changed_at, read.place, read.row_id
        ) as next_date
    from read

),

-- The last word of each day.
told as (

    select
        {{ keys }},
        {{ columns | join(',\n        ') }},
        row_id,
        business_date as valid_from,
        next_date as valid_to
    from ordered
    where next_date is distinct from business_date

),

{% if is_incremental() -%}
touched as (

    {{ keys_told_on_changed_days(feed) | indent }}

),

states as (

    select
        {{ keys }},
        {{ columns | join(',\n        ') }},
        row_id,
        valid_from
    from told
    union all
    select
        {% for name in key + columns -%}
        kept.{{ name }},
        {% endfor -%}
        kept.row_id,
        kept.valid_from
    from {{ this }} as kept
    inner join touched
        on
        {%- for name in key %}
            {{ 'and ' if not loop.first }}kept.{{ name }} = touched.{{ name }}
        {%- endfor %}
    where kept.valid_from not in {{ changed_days(feed) }}

),
final as (

    select
        {{ keys }},
        {{ columns | join(',\n        ') }},
        row_id,
        valid_from,
        lead(valid_from) over (partition by {{ keys }} order by valid_from) as valid_to
    from states

)
{%- else -%}
final as (

    select * from told

)
{%- endif %}

select * from final
{% endmacro %}

{# All files of the changed days of a feed, as a query. #}
{% macro files_of_changed_days(feed) -%}
    select files.file_id
    from {{ relation_named('intermediate', 'int_files_of_changed_days') }} as files
    where files.feed = '{{ feed }}'
{%- endmacro %}

{# The staging model of a feed, and the columns that name what its records tell of. #}
{% macro told_by(feed) -%}
    {{ return({
        'cases': {'staging': 'stg_one_stop__cases', 'key': ['case_code']},
        'steps': {'staging': 'stg_one_stop__steps', 'key': ['case_code', 'step_code']},
        'supplements': {'staging': 'stg_one_stop__supplements', 'key': ['supplement_code']},
        'petitions': {'staging': 'stg_one_stop__petitions', 'key': ['petition_code']},
        'procedures': {'staging': 'stg_one_stop__procedures', 'key': ['procedure_code']},
        'ratings': {'staging': 'stg_kiosks__ratings', 'key': ['press_key']},
        'late_reviews': {'staging': 'stg_one_stop__late_reviews', 'key': ['case_code']},
        'external_counts': {
            'staging': 'stg_one_stop__external_counts',
            'key': ['system_code', 'unit_code', 'counted_from', 'counted_to'],
        },
    }[feed]) }}
{%- endmacro %}

{# Keys of the records that any file of the changed days told, now or before. What core knows from one
   of these days can only be theirs, so it needs no index by day. #}
{% macro keys_told_on_changed_days(feed) -%}
select distinct
    {%- for name in told_by(feed)['key'] %}
    records.{{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ relation_named('staging', told_by(feed)['staging']) }} as records
inner join ({{ files_of_changed_days(feed) }}) as files on records.file_id = files.file_id
where {{ rows_of_files('records.row_id', files_of_changed_days(feed)) }}
{%- endmacro %}

{# The rows of a few files, as ranges that the block-range index of the raw table serves. Many files
   are cheaper in one pass over the table. #}
{% macro rows_of_files(row_id, files) -%}
    {%- set few = few_values(files, most=256) -%}
    {%- if few is none -%} true
    {%- else -%}
    (
        {%- for file_id in few %}
        {{ row_id }} between {{ file_id * 4294967296 }} and {{ file_id * 4294967296 + 4294967295 }} or
        {%- endfor %}
        false
    )
    {%- endif -%}
{%- endmacro %}

{# The values of a query when they are few, else none; none too as long as nothing is run. #}
{% macro few_values(query, most=32) -%}
    {%- if not execute -%} {{ return(none) }} {%- endif -%}
    {%- set found = run_query(query ~ ' limit ' ~ (most + 1)).columns[0].values() -%}
    {{ return(found if found | length <= most else none) }}
{%- endmacro %}

{# As known on a day. Nearly all of a history is known on any day that matters. The server takes a
   comparison with a day that it does not know for true of one row in three, and would fetch these
   through an index and expect few of them; of a `case` it knows nothing and expects half of the rows. #}
{% macro known_on(version, day) -%}
    case
        when {{ version }}.valid_from <= {{ day }}
            then {{ version }}.valid_to is null or {{ version }}.valid_to > {{ day }}
        else false
    end
{%- endmacro %}

{# Incremental strategy of everything that depends on days of a feed: all rows of the keys that were
   told on a changed day give way to the new ones. #}
{% macro get_incremental_replace_days_sql(arg_dict) %}
{%- set target = arg_dict['target_relation'] -%}
{%- set feed = config.require('meta')['feed'] -%}
{%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) %}
delete from {{ target }} as old
using (
    {{ keys_told_on_changed_days(feed) | indent }}
) as told
where
    {%- for column in told_by(feed)['key'] %}
    {{ 'and ' if not loop.first }}old.{{ column }} = told.{{ column }}
    {%- endfor %};

insert into {{ target }} ({{ columns }})
select {{ columns }} from {{ arg_dict['temp_relation'] }};
{% endmacro %}

{# Incremental strategy of what is computed per reporting period: periods that are due are computed
   anew, periods that left the reference pack go, all others stay as they are. #}
{% macro get_incremental_replace_periods_sql(arg_dict) %}
{%- set target = arg_dict['target_relation'] -%}
{%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) %}
delete from {{ target }}
where
    period_code in (
        select due.period_code
        from {{ relation_named('intermediate', 'int_periods_due') }} as due
    )
    or period_code not in (
        select kept.period_code from {{ relation_named('core', 'dim_periods') }} as kept
    );

insert into {{ target }} ({{ columns }})
select {{ columns }} from {{ arg_dict['temp_relation'] }};
{% endmacro %}

{# A relation by its place, where `ref` cannot be used: a strategy may only name what its model names. #}
{% macro relation_named(schema, identifier) -%}
    {{ return(api.Relation.create(
        database=target.database, schema=generate_schema_name(schema, none), identifier=identifier
    )) }}
{%- endmacro %}

{# A relation of an earlier build, or none: for what must not be a dependency. #}
{% macro built_before(schema, identifier) -%}
    {{ return(none if not execute or flags.FULL_REFRESH else adapter.get_relation(
        database=target.database, schema=generate_schema_name(schema, none), identifier=identifier
    )) }}
{%- endmacro %}

{# Fresh statistics for a table that was filled from nothing: the next models are planned by them. #}
{% macro analyze_when_new() -%}
    {%- if not is_incremental() -%} analyze {{ this }} {%- endif -%}
{%- endmacro %}
