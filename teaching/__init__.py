"""Lessons that a teacher writes by hand, and what a class's answers say. Knows no screen and no store."""

from teaching.debrief import Debrief, RankingAgreement, Share, Trial, debrief, ranking_agreement
from teaching.lessons import (
    MODEL_VIEWS,
    PLACEHOLDERS,
    VIEWS,
    Choice,
    Commit,
    Discussion,
    Lesson,
    Look,
    Question,
    Read,
    Reveal,
    Step,
    filled,
)
from teaching.parsing import Lessons, parse_lesson, read_lessons

__all__ = [
    "MODEL_VIEWS",
    "PLACEHOLDERS",
    "VIEWS",
    "Choice",
    "Commit",
    "Debrief",
    "Discussion",
    "Lesson",
    "Lessons",
    "Look",
    "Question",
    "RankingAgreement",
    "Read",
    "Reveal",
    "Share",
    "Step",
    "Trial",
    "debrief",
    "filled",
    "parse_lesson",
    "ranking_agreement",
    "read_lessons",
]
