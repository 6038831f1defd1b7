"""Approvals, applications and checks: what people decide."""

from examples.gallery import sagas
from tests.gallery.playing import Cancel, Play, Signal, Wait, refused

APPROVED = {"outcome": "approved"}
DENIED = {"outcome": "denied"}
FULL = {"package": "full"}


def reported(dealer: int, report: str) -> Signal:
    return Signal("report", report, of=f"example~reports.{dealer}")


DEALERS = {"dealers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}
DECLINES = {"name": "d", **refused("send_photographs")}
SENT = ["send_photographs", "send_photographs", "send_photographs"]

PLAYS = {
    "condition_reports": {
        "happy": Play(
            sagas.condition_reports,
            DEALERS,
            [*SENT, "call_off", "plan_restoration"],
            [reported(2, "varnish"), reported(0, "frame")],
            stands=["send_photographs", "send_photographs", "plan_restoration"],
            context={
                "reports": [{"report": "frame"}, None, {"report": "varnish"}],
                "plan": "frame and varnish",
            },
        ),
        "fails": Play(
            sagas.condition_reports,
            {"dealers": [{"name": "a"}, DECLINES, DECLINES]},
            ["send_photographs", "call_off"],
            ends="compensated",
        ),
        "one_declines": Play(
            sagas.condition_reports,
            {"dealers": [DECLINES, {"name": "b"}, {"name": "c"}]},
            ["send_photographs", "send_photographs", "plan_restoration"],
            [reported(2, "varnish"), reported(1, "frame")],
            context={"plan": "frame and varnish"},
        ),
        "back": Play(
            sagas.condition_reports,
            {**DEALERS, **refused("plan_restoration")},
            [*SENT, "call_off", "call_off", "call_off"],
            [reported(2, "varnish"), reported(0, "frame")],
            ends="compensated",
        ),
    },
    "expense_approval": {
        "happy": Play(
            sagas.expense_approval,
            {"amount": 500},
            ["register", "pay"],
            [Signal("manager", APPROVED)],
            context={"paid": 500},
        ),
        "small": Play(sagas.expense_approval, {"amount": 99}, ["register", "pay"]),
        "escalated": Play(
            sagas.expense_approval,
            {"amount": 500},
            ["register", "ask_director", "pay"],
            [Wait(days=4), Signal("director", APPROVED)],
        ),
        "fails": Play(
            sagas.expense_approval,
            {"amount": 500},
            ["register", "ask_director", "withdraw"],
            [Wait(days=11)],
            "compensated",
            ["ask_director"],
        ),
        "back": Play(
            sagas.expense_approval,
            {"amount": 500},
            ["register", "withdraw"],
            [Signal("manager", DENIED)],
            "compensated",
        ),
    },
    "callback_token": {
        "happy": Play(
            sagas.callback_token,
            {},
            ["send_message", "notify_success"],
            [Signal("callback", {"succeeded": True})],
            context={"token": "example"},
        ),
        "fails": Play(
            sagas.callback_token,
            {},
            ["send_message", "recall_message"],
            [Wait(hours=2)],
            "compensated",
        ),
        "back": Play(
            sagas.callback_token,
            {},
            ["send_message", "recall_message"],
            [Signal("callback", {"succeeded": False, "cause": "no disk"})],
            "compensated",
        ),
    },
    "loan_choice": {
        "happy": Play(
            sagas.loan_choice,
            {"true_score": 700},
            ["open_application", "ask_for_score", "approve", "send_decision"],
            context={"decision": APPROVED},
        ),
        "declined": Play(
            sagas.loan_choice,
            {"true_score": 399},
            ["open_application", "ask_for_score", "decline", "send_decision"],
        ),
        "by_a_person": Play(
            sagas.loan_choice,
            {"true_score": 400},
            ["open_application", "ask_for_score", "send_decision"],
            [Wait(days=3), Signal("decision", DENIED)],
            context={"decision": DENIED},
        ),
        "fails": Play(
            sagas.loan_choice,
            {"true_score": 400, "faults": {"ask_for_score": "down"}},
            ["open_application", "close_application"],
            [Wait(hours=1)],
            "compensated",
        ),
        "back": Play(
            sagas.loan_choice,
            {"true_score": 400},
            ["open_application", "ask_for_score", "close_application"],
            [Cancel()],
            "compensated",
            ["ask_for_score"],
        ),
    },
    "human_approval": {
        "happy": Play(
            sagas.human_approval,
            {},
            ["prepare", "send_links", "deploy"],
            [Signal("approve")],
            context={"deployed": "release-1"},
        ),
        "fails": Play(
            sagas.human_approval,
            {},
            ["prepare", "send_links", "remove"],
            [Wait(days=8)],
            "compensated",
            ["send_links"],
        ),
        "back": Play(
            sagas.human_approval,
            {},
            ["prepare", "send_links", "remove"],
            [Signal("reject")],
            "compensated",
            ["send_links"],
        ),
    },
    "applicant_decision": {
        "happy": Play(
            sagas.applicant_decision,
            {"applicant": {"age": 18}},
            ["check_identity", "open_account", "file_application"],
            context={"account": "account-1"},
        ),
        "too_young": Play(
            sagas.applicant_decision,
            {"applicant": {"age": 17}},
            ["send_rejection", "file_application"],
        ),
        "fails": Play(
            sagas.applicant_decision,
            {"applicant": {"age": 30}, **refused("open_account")},
            ["check_identity"],
            ends="compensated",
            stands=["check_identity"],
        ),
        "back": Play(
            sagas.applicant_decision,
            {"applicant": {"age": 30}, **refused("file_application")},
            ["check_identity", "open_account", "close_account"],
            ends="compensated",
            stands=["check_identity"],
        ),
    },
    "college_application": {
        "happy": Play(
            sagas.college_application,
            {},
            ["hold_place", "finalize"],
            [
                Signal("scores", 2),
                Wait(days=80),
                Signal("transcripts", 3),
                Signal("application", 1),
            ],
            context={"finalized": [1, 2, 3]},
        ),
        "fails": Play(
            sagas.college_application,
            {},
            ["hold_place", "give_up_place"],
            [Signal("scores"), Signal("transcripts"), Wait(days=91)],
            "compensated",
        ),
        "back": Play(
            sagas.college_application,
            {},
            ["hold_place", "give_up_place"],
            [Signal("scores"), Cancel()],
            "compensated",
        ),
    },
    "background_check": {
        "happy": Play(
            sagas.background_check,
            FULL,
            ["open_check", "trace_number", "search_courts", "search_employers", "send_report"],
            [Signal("consent", True)],
            context={"failed": []},
        ),
        "one_search_fails": Play(
            sagas.background_check,
            {**FULL, **refused("search_courts")},
            ["open_check", "trace_number", "search_employers", "send_report"],
            [Signal("consent", True)],
            context={"failed": ["court_search"]},
        ),
        "without_employers": Play(
            sagas.background_check,
            {},
            ["open_check", "trace_number", "search_courts", "send_report"],
            [Signal("consent", True)],
        ),
        "fails": Play(
            sagas.background_check, {}, ["open_check", "close_check"], [Wait(days=8)], "compensated"
        ),
        "back": Play(
            sagas.background_check,
            {**FULL, **refused("trace_number")},
            ["open_check", "close_check"],
            [Signal("consent", True)],
            "compensated",
        ),
    },
    "invoice_approval": {
        "happy": Play(
            sagas.invoice_approval,
            {"amount": 2000},
            ["record_invoice", "pay_invoice", "archive_invoice"],
            [Signal("head", {"approves": True})],
        ),
        "small": Play(
            sagas.invoice_approval,
            {"amount": 249.99},
            ["record_invoice", "pay_invoice", "archive_invoice"],
        ),
        "cleared": Play(
            sagas.invoice_approval,
            {"amount": 250},
            ["record_invoice", "ask_supplier", "pay_invoice", "archive_invoice"],
            [Signal("leader", {"approves": False}), Signal("supplier", {"clears": True})],
        ),
        "fails": Play(
            sagas.invoice_approval,
            {"amount": 10, **refused("pay_invoice")},
            ["record_invoice", "send_back"],
            ends="compensated",
        ),
        "back": Play(
            sagas.invoice_approval,
            {"amount": 250},
            ["record_invoice", "ask_supplier", "send_back"],
            [Signal("leader", {"approves": False}), Signal("supplier", {"clears": False})],
            "compensated",
            ["ask_supplier"],
        ),
    },
    "credit_check": {
        "happy": Play(
            sagas.credit_check,
            {},
            ["ask_for_check", "start_loan"],
            [Wait(hours=23), Signal("result", {"decision": "approved"})],
        ),
        "fails": Play(
            sagas.credit_check,
            {},
            ["ask_for_check", "send_refusal"],
            [Signal("result", {"decision": "denied"})],
        ),
        "back": Play(
            sagas.credit_check,
            {},
            ["ask_for_check", "call_off_check"],
            [Wait(days=2)],
            "compensated",
        ),
    },
}
