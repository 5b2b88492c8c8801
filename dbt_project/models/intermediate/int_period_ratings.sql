-- The presses of each period's window, as known on its day.
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_periods',
        indexes=[{'columns': ['period_code']}],
    )
}}

with

periods as (

    select * from {{ ref('int_periods_due') }}

),

ratings as (

    select * from {{ ref('fct_ratings') }}

),

aliases as (

    select * from {{ ref('stg_reference__unit_aliases') }}

),

final as (

    select
        periods.period_code,
        ratings.press_key,
        coalesce(aliases.unit_code, ratings.unit_code) as unit_code,
        ratings.kiosk,
        ratings.counter,
        ratings.ticket,
        ratings.pressed_at,
        ratings.button,
        ratings.row_id
    from ratings
    inner join periods
        on
            ratings.pressed_at >= periods.ratings_from
            and ratings.pressed_at < periods.ratings_until + 1
            and ratings.known_on <= periods.as_of
    left join aliases on ratings.unit_code = aliases.alias

)

select * from final
