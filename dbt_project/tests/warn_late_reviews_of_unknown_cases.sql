-- Files come in any order, so a record may arrive before its case: a warning, no error.
{{ config(severity='warn') }}

{{ told_now_without_case('fct_late_reviews', 'late_reviews') }}
