r"""Adversarial robustness: the smallest Linf perturbation that changes a right answer.

Untargeted projected gradient descent in pixel space [0, 1], with the normalisation inside the network. Within
the ball of radius epsilon around the image x, from a uniform random start,

.. math:: x_{t+1} = \Pi_{[0,1]} \, \Pi_{\|x' - x\|_\infty \le \epsilon}
          \big( x_t + \alpha \epsilon \, \mathrm{sign} \nabla_x \mathrm{CE}(f(x_t), y) \big).

``paper``: foolbox's attack of 100 steps at every radius of the grid. Each radius counts separately, even if a
smaller one broke the image. The images of ImageNet are the paper's 1,000.

``sound``: the smallest radius of the grid at which an image is broken, found with the gradients of little
more than one attack (:mod:`search`). The iterates are foolbox's (:mod:`attack`). The random start depends on
the seed, the dataset, the item and the radius, never on the model or the batch. A sample of the images is
attacked in other ways, to see whether the search can be believed (:mod:`rechecks`). With ``l2_epsilons``,
there are attacks in the L2 ball as well (:mod:`balls`), and with ``apgd_steps`` stronger ones after the
search (:mod:`strong`).

A targeted attack goes down the cross-entropy of its target class instead, until the image is taken for it.
Every image is attacked, also those that are wrong without attack.

The area under an item's accuracy curve over :math:`\log_{10} \epsilon` is computed by trapezoids and divided
by the width of the grid.

References: Madry et al., Towards deep learning models resistant to adversarial attacks, 2018,
https://arxiv.org/abs/1706.06083 ; Rauber et al., Foolbox Native, 2020, https://doi.org/10.21105/joss.02607 ;
Croce and Hein, Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
attacks, 2020, https://arxiv.org/abs/2003.01690 (the checks)
"""

from wordsight.protocols.robustness.encoders import attack_piece, draw, evaluate_encoder, fit_head
from wordsight.protocols.robustness.evaluation import evaluate
from wordsight.protocols.robustness.finished import Finished

__all__ = [
    "Finished",
    "attack_piece",
    "draw",
    "evaluate",
    "evaluate_encoder",
    "fit_head",
]
