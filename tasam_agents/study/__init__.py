"""The evaluation of the paper as one study: plan, run, measure, judge, report."""
