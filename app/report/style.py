"""The look of a report: the program's two themes, by what the reader's system prefers, and paper."""

from __future__ import annotations

from dataclasses import fields

from widgets.palette import DARK, LIGHT, Palette

_COLOURS = tuple(f.name for f in fields(Palette) if f.name not in ("name", "series"))

_RULES = """
*{box-sizing:border-box}
html{background:var(--window);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:1080px;padding:28px 24px 48px}
a{color:var(--accent)}
a:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
h1{font-size:27px;line-height:1.25;margin:0;overflow-wrap:anywhere}
h2{font-size:19px;margin:36px 0 12px;padding-bottom:6px;border-bottom:1px solid var(--line)}
h3{font-size:15px;margin:22px 0 8px;overflow-wrap:anywhere}
p{margin:8px 0;max-width:78ch;overflow-wrap:anywhere}
ul{margin:8px 0;padding-left:22px;max-width:78ch}li{margin:4px 0;overflow-wrap:anywhere}
.muted{color:var(--muted)}.small{font-size:13px}
header .line{display:flex;gap:12px;align-items:center;flex-wrap:wrap}
header .muted{margin:4px 0 0}
.badge{font-size:13px;font-weight:600;padding:2px 11px;border-radius:12px;color:var(--muted);
background:var(--neutral_soft);border:1px solid currentColor;white-space:nowrap}
.success{color:var(--success);background:var(--success_soft)}
.danger{color:var(--danger);background:var(--danger_soft)}
.warning{color:var(--warning);background:var(--warning_soft)}
.info{color:var(--info);background:var(--info_soft)}
nav{margin:16px 0 0;display:flex;flex-wrap:wrap;gap:4px 16px;font-size:14px}
.bar{padding:10px 14px;border-radius:8px;margin:14px 0;border:1px solid currentColor;overflow-wrap:anywhere}
.facts{display:grid;
grid-template-columns:repeat(auto-fill,minmax(190px,1fr));gap:10px;margin:12px 0;padding:0}
.facts div{background:var(--surface);border:1px solid var(--line);border-radius:8px;padding:9px 13px}
.facts dt{font-size:13px;color:var(--muted)}
.facts dd{margin:0;font-size:18px;font-weight:600;overflow-wrap:anywhere}
.facts dd small{display:block;font-size:12.5px;font-weight:400;color:var(--muted)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:14px;margin:12px 0}
.plots.three{grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr))}
figure{margin:0;background:var(--surface);border:1px solid var(--line);border-radius:8px;padding:12px 14px}
figcaption{font-size:13.5px;font-weight:600;margin:0 0 8px;overflow-wrap:anywhere}
figcaption small{display:block;font-weight:400;font-size:12.5px;color:var(--muted)}
svg{display:block;max-width:100%;height:auto}
.slices{display:grid;grid-template-columns:repeat(3,1fr);gap:6px}
.slices div{font-size:12px;color:var(--muted);text-align:center}
.slices img{display:block;width:100%;height:auto;border-radius:3px;background:#000}
.scale{display:grid;grid-template-columns:repeat(3,1fr);gap:6px;margin-top:4px}
.scale span{display:block;border-top:3px solid var(--text);font-size:12px;line-height:1.5;white-space:nowrap}
.latent{display:grid;grid-template-columns:auto 1fr;gap:2px 6px;max-width:460px;font-size:12px;
color:var(--muted)}
.latent img{display:block;width:100%;height:auto;border:1px solid var(--line)}
.latent .y{writing-mode:vertical-rl;transform:rotate(180deg);display:flex;justify-content:space-between}
.latent .x{grid-column:2;display:flex;justify-content:space-between;gap:8px}
.key{display:flex;gap:8px;align-items:center;font-size:12px;color:var(--muted);margin-top:10px}
.key img{width:140px;height:10px;border-radius:3px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px;background:var(--surface)}
caption{text-align:left;font-size:13px;color:var(--muted);padding:4px 0}
th,td{text-align:left;vertical-align:top;padding:5px 10px;border-bottom:1px solid var(--line);
overflow-wrap:break-word}td.hash{overflow-wrap:anywhere}
th{font-weight:600}thead th{color:var(--muted);border-bottom:1px solid var(--outline);white-space:nowrap}
tbody th{font-weight:400}
td.number,th.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td.hash,code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;
font-size:12.5px}
tr.group th{color:var(--muted);font-weight:600;padding-top:14px;background:var(--surface)}
tr.changed th,tr.changed td{font-weight:600}tr.changed code{font-weight:400}
tr.changed th::before{content:"● ";color:var(--accent)}
pre{background:var(--surface);border:1px solid var(--line);border-radius:8px;padding:10px 14px;margin:8px 0;
white-space:pre-wrap;overflow-wrap:anywhere}
blockquote{margin:8px 0;max-width:84ch;padding:6px 14px;border-left:3px solid var(--outline);
background:var(--surface)}
blockquote p{margin:4px 0}
details>summary{cursor:pointer;font-weight:600;margin:10px 0}
footer{margin-top:44px;padding-top:12px;border-top:1px solid var(--line);font-size:13px;color:var(--muted)}
"""

_PAPER = """
@page{size:A4;margin:16mm 14mm 18mm}
@media print{
html{font-size:10pt;background:#fff;-webkit-print-color-adjust:exact;print-color-adjust:exact}
body{max-width:none;padding:0}nav{display:none}
h2{font-size:14pt;margin-top:18pt}h2,h3,summary{break-after:avoid}
figure,.bar,.facts div,tr,blockquote{break-inside:avoid}
.wide{overflow:visible}table{font-size:8.5pt}pre,code,td.hash{font-size:8pt}
.plots{grid-template-columns:1fr 1fr}.plots.three{grid-template-columns:repeat(3,1fr)}
.facts{grid-template-columns:repeat(4,1fr)}.facts dd{font-size:12pt}
thead{display:table-header-group}a{color:inherit;text-decoration:none}
}
"""


def style_sheet() -> str:
    """Return the style sheet; drawings are made in the light theme and take the dark one's colours."""
    dark = ";".join(f"--{name}:{getattr(DARK, name)}" for name in _COLOURS)
    light = ";".join(f"--{name}:{getattr(LIGHT, name)}" for name in _COLOURS)
    return (
        f":root{{color-scheme:light dark;{light}}}{_RULES}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}{_redrawn()}}}{_PAPER}"
    )


def _redrawn() -> str:
    """Return rules that give a drawing made in colours of the light theme those of the dark one."""
    # texts on colours are as white as paper in the light theme, and dark in the other: no drawing has them
    names = [n for n in _COLOURS if n != "match" and not n.startswith("on_")]
    pairs = {getattr(LIGHT, n): getattr(DARK, n) for n in names}
    pairs |= dict(zip(LIGHT.series, DARK.series, strict=True))
    return "".join(
        f'svg [{kind}="{light}"]{{{kind}:{dark}}}'
        for light, dark in pairs.items()
        for kind in ("fill", "stroke")
    )
