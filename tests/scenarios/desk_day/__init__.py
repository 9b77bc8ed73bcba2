"""The working day of an agent: 30 faults that a day on the desk found ("Bug N"), and figures that disagreed.

A test of this package names its fault in its docstring. Where another test holds exactly that already, it is here:

| bug | what holds | where |
|---|---|---|
| 1 | a payment of a minute ago is on every page | `tests/web/cases/test_live_figures.py` |
| 3 | what they say on the phone holds at once | `tests/actions/test_calls.py` `test_what_they_say_holds_at_once` |
| 4 | a number that is not theirs rests on every channel | `tests/actions/test_calls.py` |
| 5 | a cured or closed case offers no reminder | `tests/web/cases/test_live_figures.py` |
| 8 | a promise far above what is past due is confirmed | `tests/web/cases/test_case.py` |
| 10 | a broken link tells a stranger nothing | `tests/portal/test_preferences.py` |
| 12 | a call is due when they asked for it | `tests/actions/test_calls.py`, `tests/inbound/test_wishes.py` |
| 14 | drafts, and a session that ended | `tests/web/admin/test_drafts.py`, `tests/web/admin/test_login.py` |
| 14 | what is typed is found in another browser | `tests/web/cases/test_two_people_browser.py` |
| 15 | a call is logged from the keyboard | `tests/web/cases/test_case.py` |
| 16 | a form sent twice is obeyed once; two agents | `tests/web/cases/test_case.py` |
| 19 | a reference that no account has is named | `tests/book/feeds/bank/test_camt054.py` |
| 23 | the address of a refused form shows the form | `tests/web/cases/test_case.py` |
| 24 | nothing is cut off at 1366 pixels | `tests/scenarios/test_every_page.py` |
"""
