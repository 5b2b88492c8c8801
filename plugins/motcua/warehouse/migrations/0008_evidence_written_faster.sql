-- A release may hold millions of cases. An index that nothing reads and a foreign key that asks the
-- same question for every case were a third of the time; the release's row is written before them,
-- in the same transaction, and neither is ever deleted.
drop index evidence.cases_by_code;
alter table evidence.cases drop constraint cases_publication_id_fkey;
