-- depends_on: {{ ref('int_files_of_changed_days') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_days',
        meta={'feed': 'ratings'},
    )
}}

with

sightings as (

    select * from {{ ref('int_rating_sightings') }}

),

{% if is_incremental() -%}
touched as (

    {{ keys_told_on_changed_days('ratings') | indent }}

),

-- Each press looked up by itself: the server does not know how few they are, and where few days hold
-- many presses it would rather read all of them.
first_sightings as (

    select sighting.*
    from touched
    cross join lateral (
        select sightings.* from sightings
        where sightings.press_key = touched.press_key
        order by sightings.valid_from
        limit 1
    ) as sighting

),
{%- else -%}
ranked as (

    select
        sightings.*,
        row_number() over (
            partition by sightings.press_key order by sightings.valid_from
        ) as place
    from sightings

),

first_sightings as (

    select * from ranked
    where place = 1

),
{%- endif %}

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
    from first_sightings

)

select * from final
