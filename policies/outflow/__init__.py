"""Judgement of outflow: is this transfer like this wallet, and if not, how far to go.

Three kinds of judgement, from certain to learned, all pure, streaming and bounded in memory:

*Proof* (`proof`): a foreign nonce, code on the account, a drop that stays unexplained, a reused r.
Isolates at once under the read quorum.

*Limits* (`bounds`): explicit rolling windows in base units. They bound what nothing can see.

*Learned* (`watch`): what is normal for this wallet, learned from its own transfers alone, without
prices. `WalletWatch.judge` takes one `Outflow` after another and answers a `Judgement`: a verdict
(calm < alert < throttle < hold < freeze < isolate), a score and findings in plain sentences.

How it learns
-------------
1. *Sizes, not amounts.* An amount is divided by the amount that nine in ten payments of the asset
   stay below (`scale`). Sizes of different assets add up, and no price is needed; where a value
   is given, the size comes from it.
2. *Recipients have a youth.* Within 72 hours of its first payment a recipient has a file (`case`):
   sum of sizes, number and pace of payments, assets, and the surprise of it all. Afterwards it is
   known, and trusted with eight times the largest payment it ever got (`known`).
3. *How rare is this?* Each of these figures has a histogram over all recipients of the past
   (`tail`), the sums of windows have one over all days (`windows`), and gaps between payments one
   of their own (`follow`). The tail beyond the data is a power law fitted to it, or falls faster
   where the data end early, as wishes and purses do (`tail`). The answer is a
   return period in days, so one and the same threshold fits a wallet with five payments a month
   and one with five thousand a day: "hold what happens once in 1,000 days".
4. *Windows* of 1 to 72 hours bound what goes to newcomers, what goes out in all, how many
   newcomers there are, how much surprise there is, and how rare the assets are. Hours that are
   usually quiet weigh more (`rhythm`). Crumbs to a crowd (a campaign) are no matter; a crowd
   alone never holds at a wallet that pays many times a day.
5. *Drains.* Where balances are known, the share of an asset's balance that a newcomer takes has
   a histogram, too: nobody is paid nine tenths of what is there, but thieves.
6. *Leaps and storms.* How many times as much as before a newcomer is paid, and how close together
   payments come that usually are days apart, have histograms of their own; an odd way of paying
   speaks only as far as the recipient got something.
7. *Pairs.* A theft is seldom one payment.  Two payments to newcomers that each come once in some
   days meet within minutes by chance once in years (`pairs`); so does the second to the same
   newcomer.  What customers do in pairs anyway is learned, and chance is the most that is said.
8. *Kinds of evidence agree* (`signals`): how much, how odd, how fast. The strongest counts, the
   second and the third for a part; three that agree hold what none of them would.
9. *Floods teach little.* Of many payments within an hour only every doubling moves the scale, so
   that a campaign's crumbs do not make yesterday's ordinary payment a giant, and an asset that
   came in one burst is no measure yet. What a person let pass is asked about again only when it
   has grown much.

What resists poisoning: what was held is taken out of what is normal, and counted only when its
recipient's youth has passed without objection; a day's peak is cut at the bound before it is
learned; one outlier does not make its like usual; a flood of crumbs does not shrink the scale;
a crumb long ago is no alibi for a fortune today.

What it does not promise: an insider who pays normal amounts to old recipients, or to many new ones
at a pace within the wallet's own records, is not seen. `bounds` and the cap bound that loss.
It says nothing until it saw enough: eight transfers, five days for windows, and as many days as a
return period needs.
"""

from policies.outflow.event import Outflow
from policies.outflow.sensitivity import DEFAULT, Sensitivity
from policies.outflow.verdict import CALM, Finding, Judgement, Verdict, strictest
from policies.outflow.watch import WalletWatch

__all__ = [
    "CALM",
    "DEFAULT",
    "Finding",
    "Judgement",
    "Outflow",
    "Sensitivity",
    "Verdict",
    "WalletWatch",
    "strictest",
]
