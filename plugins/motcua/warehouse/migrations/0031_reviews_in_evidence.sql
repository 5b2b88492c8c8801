-- What a review of a late case said, as the release knew it: a later export may say otherwise.

alter table evidence.cases
add column review_reason integer,
add column review_returned_date date,
add column review_document text;
comment on column evidence.cases.review_reason is
    'Why it was late, by its review: 1 recorded late but handed over in time, 2 repeated supplement,'
    ' 3 waiting for another agency, 4 other. Empty in releases of before this column.';
comment on column evidence.cases.review_returned_date is
    'When the result was really handed over, by its review; empty in releases of before this column.';
comment on column evidence.cases.review_document is
    'The document that proves the review; empty in releases of before this column.';
