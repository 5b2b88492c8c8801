"""Timetable of publications: one run at the moment of each period of the reference pack.

The pack is read whenever the timetable is asked, so a changed pack counts without a new version of
the DAG, and serialising says nothing that changes.
"""

from datetime import timedelta
from typing import Any

import pendulum
from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from pendulum import DateTime

JUST_NOW = timedelta(hours=1)
"""Before the very first run, a moment that passed so lately still counts.

The DAG is read anew all day long. Were the next publication looked for from that minute on, one
that the scheduler has not started yet would be lost between the two.
"""


class ReportingCalendar(Timetable):
    """Fires at each publication of the configured reference pack.

    After a run the next one is that of the first publication since, even if its day has passed
    while the scheduler was down: no publication is lost by an outage. Before the very first run
    only those of the future and of the last hour count, whatever the pack tells of former years.
    """

    description = "Ngày công bố (publish_on) của các kỳ báo cáo trong bộ tham chiếu"

    @property
    def summary(self) -> str:
        """What the list of DAGs shows as the schedule."""
        return "Lịch công bố"

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
    ) -> DagRunInfo | None:
        """The next publication; None when no period follows in the pack."""
        from motcua.publication import calendar

        since = (
            last_automated_data_interval.end
            if last_automated_data_interval
            else max(filter(None, [pendulum.now("UTC") - JUST_NOW, restriction.earliest]))
        )
        following = calendar.next_after(since, calendar.events())
        if following is None:
            return None
        moment = pendulum.instance(following.moment).in_timezone("UTC")
        if restriction.latest is not None and moment > restriction.latest:
            return None
        return DagRunInfo.exact(moment)

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """A run by hand names its period itself."""
        return DataInterval.exact(run_after)

    def serialize(self) -> dict[str, Any]:
        """Nothing: what counts stands in the pack."""
        return {}


class ReportingCalendarPlugin(AirflowPlugin):
    """Makes the timetable known to Airflow."""

    name = "reporting_calendar"
    timetables = [ReportingCalendar]  # noqa: RUF012 (Airflow's own declaration)
