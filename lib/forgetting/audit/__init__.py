"""Audit your own compressed model: predictions in, tables, plain sentences and a report out.

It works on the predictions of any framework, never imports torch, and has three designs: one model
against one (the same examples), populations (several independent trainings on both sides), and
paired populations (each compressed model made from one of the baseline's).
"""

from forgetting.audit.audit import Audit, audit_predictions
from forgetting.audit.report_folder import check_report_folder
from forgetting.audit.rule_parser import parse_rule
from forgetting.audit.rules import Rule, Verdict

__all__ = ["Audit", "Rule", "Verdict", "audit_predictions", "check_report_folder", "parse_rule"]
