"""The task in which a person approves a publication, or refuses it, in Airflow's UI."""

from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context, Param, XComArg
from airflow.sdk.exceptions import AirflowFailException

WORDS = Param(
    "",
    type="string",
    maxLength=2000,
    title="Ý kiến của người phê duyệt (được lưu cùng bản công bố)",
    source="task",
)


class SignOff(ApprovalOperator):
    """Lays a candidate before an approver and waits, for days; keeps the answer in ops.sign_offs.

    asks_about: the result of a task that tells the candidate (`pipeline.propose`). The result is
    the approver's name and words. Refusal skips what follows, and the run ends well; nobody's
    answer in time fails. Nothing is asked, and the result is None, when the same figures stand
    published already; when the setting of automatic approval names somebody, that name is it.
    """

    def __init__(self, *, asks_about: XComArg, **kwargs: Any) -> None:
        candidate_from = next(asks_about.iter_references())[0].task_id
        pulled = f"ti.xcom_pull(task_ids='{candidate_from}')"
        super().__init__(
            subject=f"{{{{ {pulled}['subject'] }}}}",
            body=f"{{{{ {pulled}['body'] }}}}",
            **{**kwargs, "params": {"words": WORDS}},
        )
        self.candidate_from = candidate_from

    def execute(self, context: Context) -> Any:
        """Ask, and wait for the answer."""
        from motcua import settings

        if self._candidate(context)["is_published"]:
            print("The same figures stand published: there is nothing to approve.")
            return None
        if name := settings.automatic_approval():
            print(f"Approved unseen as {name}: MOTCUA_AUTOMATIC_APPROVAL is set.")
            self._keep(context, "approved", name, "MOTCUA_AUTOMATIC_APPROVAL")
            return {"approved_by": name, "words": ""}
        self.response_timeout = settings.sign_off_within()
        self._keep(context, "asked")
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Keep the answer; let the publication go on, or end the run without it."""
        from motcua import settings

        if event.get("error_type") == "timeout":
            self._keep(context, "timed_out")
            raise AirflowFailException(
                f"Nobody approved or refused within {settings.sign_off_within()}; nothing was"
                " published. Remind the approver, then clear this task: it asks again."
            )
        if "error" in event:
            self.process_trigger_event_error(event)
        user = event["responded_by_user"]
        if not user:
            raise AirflowFailException("The answer names nobody; nothing was published.")
        by, words = user["name"] or user["id"], str(event["params_input"].get("words") or "")
        is_approved = event["chosen_options"] == [self.APPROVE]
        self._keep(context, "approved" if is_approved else "rejected", by, words)
        print(f"{'Approved' if is_approved else 'Refused'} by {by}: {words or '(no words)'}")
        super().execute_complete(context, event)
        return {"approved_by": by, "words": words}

    def _candidate(self, context: Context) -> dict[str, Any]:
        return context["ti"].xcom_pull(task_ids=self.candidate_from)  # type: ignore[no-any-return]

    def _keep(
        self, context: Context, event: str, by: str | None = None, words: str | None = None
    ) -> None:
        from motcua.warehouse import runs

        candidate = self._candidate(context)
        period, sha256 = candidate["period_code"], candidate["candidate_sha256"]
        runs.sign_off(context["run_id"], period, sha256, event, by, words)
