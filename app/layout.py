"""Where the panels of the monitor are, and which of them a small screen leaves out."""

WIDTHS = [(0, "-tiny"), (60, "-narrow"), (126, "-wide")]
"""Below 60 columns only state, progress and log; from 126 the log keeps a whole line beside the side panels."""
HEIGHTS = [(0, "-flat"), (12, "-low"), (18, "-high")]
"""Below 18 rows no curve."""

CSS = """
Screen { background: $background; layers: base; }
#status, #progress, #footer { height: 1; }
#body { height: 1fr; }
#left { width: 1fr; height: 100%; }
#plot { height: 30%; min-height: 7; max-height: 14; }
#log { height: 1fr; }
#side { width: 48; height: 100%; }
#ranks { height: auto; }
#system { height: auto; }
#values { height: auto; }
#values.empty { display: none; }
#epochs { height: 1fr; }
#compact { height: 3; display: none; }
.hidden { display: none; }
.-narrow #side, .-tiny #side { display: none; }
.-narrow #compact { display: block; }
.-tiny #plot, .-low #plot, .-flat #plot { display: none; }
.-flat #compact, .-low #compact { display: none; }
.-flat #progress { display: none; }
.zoom-plot #plot { height: 1fr; max-height: 100%; display: block; }
.zoom-plot #log, .zoom-plot #side, .zoom-plot #compact { display: none; }
.zoom-log #plot, .zoom-log #side, .zoom-log #compact { display: none; }
.zoom-side #left, .zoom-side #compact { display: none; }
.zoom-side #side { width: 1fr; display: block; }
"""
