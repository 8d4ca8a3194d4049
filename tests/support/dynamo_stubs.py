"""Stubs of Dynamo's commands for GNU Octave: each writes its name and arguments into a log."""

from __future__ import annotations

import subprocess
from pathlib import Path

_PLAIN = ["dtcrop", "dwrite", "dynamo_table_eo", "dvput", "dvcheck", "dvunfold"]
_TABLES = ["dread", "dynamo_table_randomize_azimuth"]
#: Octave's own, which would start programs and other scripts.
_STARTS = ["system", "run"]

_LOG = """function log_call(name, varargin)
  out = name;
  for k = 1:numel(varargin)
    a = varargin{k};
    if ischar(a)
      out = [out ' ' a];
    else
      out = [out ' ' mat2str(a)];
    end
  end
  f = fopen(getenv('DYNAMO_LOG'), 'a'); fprintf(f, '%s\\n', out); fclose(f);
end
"""


def run_script(script: Path, folder: Path) -> tuple[list[str], str]:
    """Run a script in Octave; return the calls it made, one line each, and what Octave said of faults."""
    stubs = folder / "stubs"
    (stubs / "+dcp").mkdir(parents=True, exist_ok=True)
    (stubs / "log_call.m").write_text(_LOG)
    for name in _PLAIN + _STARTS:
        text = f"function {name}(varargin)\n log_call('{name}', varargin{{:}});\nend\n"
        (stubs / f"{name}.m").write_text(text)
    for name in _TABLES:
        text = f"function t = {name}(varargin)\n log_call('{name}', varargin{{:}});\n"
        text += " t = [1 1; 2 1; 3 1];\nend\n"
        (stubs / f"{name}.m").write_text(text)
    average = "function o = daverage(varargin)\n log_call('daverage', varargin{:});\n o.average = 0;\nend\n"
    (stubs / "daverage.m").write_text(average)
    (stubs / "+dcp" / "new.m").write_text("function new(varargin)\n log_call('dcp.new', varargin{:});\nend\n")
    log = folder / "calls.txt"
    log.write_text("")
    command = f"source('{str(script).replace(chr(39), chr(39) * 2)}')"
    done = subprocess.run(
        ["octave-cli", "--norc", "--quiet", "--path", str(stubs), "--eval", command],
        env={"DYNAMO_LOG": str(log), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return log.read_text().splitlines(), done.stderr if done.returncode else ""
