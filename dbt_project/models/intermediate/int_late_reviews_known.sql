-- Reviews of late cases as known on the period's day.

with

periods as (

    select * from {{ ref('int_periods_due') }}

),

late_reviews as (

    select * from {{ ref('fct_late_reviews') }}

),

final as (

    select
        periods.period_code,
        late_reviews.case_code,
        late_reviews.reason,
        cast(late_reviews.actually_returned_at as date) as actually_returned_date,
        late_reviews.document_number,
        late_reviews.is_apology_sent,
        late_reviews.row_id
    from late_reviews
    inner join periods on {{ known_on('late_reviews', 'periods.as_of') }}

)

select * from final
