-- depends_on: {{ ref('int_days_changed') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        unique_key=['press_key'],
        meta={'feed': 'ratings', 'day_columns': ['known_on']},
        indexes=[{'columns': ['known_on']}],
    )
}}

-- `not materialized`: named twice, the history would be copied before a few rows of it are looked up.
with

sightings as not materialized (

    select * from {{ ref('int_rating_sightings') }}

),

{% if is_incremental() -%}
touched as (

    select press_key from sightings
    where valid_from in {{ changed_days('ratings') }}
    union
    select press_key from {{ this }}
    where known_on in {{ changed_days('ratings') }}

),
{%- endif %}

ranked as (

    select
        sightings.*,
        row_number() over (
            partition by sightings.press_key order by sightings.valid_from
        ) as place
    from sightings
    {%- if is_incremental() %}
    inner join touched on sightings.press_key = touched.press_key
    {%- endif %}

),

final as (

    select
        press_key,
        kiosk,
        counter,
        ticket,
        unit_code,
        pressed_at,
        button,
        row_id,
        valid_from as known_on
    from ranked
    where place = 1

)

select * from final
