-- Records of exports are only added, and nothing reads them by an index alone: a vacuum after a large
-- load would mark page after page as visible to all, beside the build that reads them. Whatever a purge
-- changes is vacuumed as before.

do $$
declare
    name text;
begin
    foreach name in array array[
        'cases', 'steps', 'supplements', 'petitions', 'procedures', 'ratings', 'late_reviews',
        'external_counts'
    ] loop
        execute format('alter table raw.%I set (autovacuum_vacuum_insert_threshold = -1)', name);
    end loop;
end
$$;
