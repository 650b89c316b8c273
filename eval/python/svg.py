"""What the pictures that are drawn by hand share: colors and text of SVG."""

from __future__ import annotations

import html

INK, FAINT, PAPER = "#1f2328", "#d0d7de", "#ffffff"


def text(x: float, y: float, words: str, anchor: str = "start", weight: int = 400, size: int = 13) -> str:
    """Words with their base line at a place, in pixels."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{INK}" text-anchor="{anchor}" font-weight="{weight}" font-size="{size}">'
        f"{html.escape(words)}</text>"
    )
