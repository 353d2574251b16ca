"""TeX in running text: what is read, and what stays as written."""

from __future__ import annotations

import pytest

from digest.tex import DEPTH, script, without_tex


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\'e \'{e} {\'e} \'{\i} {\'\i} na\"{\i}ve", "é é é í í naïve"),
        (r"G\"odel, G{\"o}del, G{\"{o}}del, G{\"}odel", "Gödel, Gödel, Gödel, Gödel"),
        (r"Erd\H{o}s, Erd{\H{o}}s, Erd\H os", "Erdős, Erdős, Erdős"),
        (r"\v{C}ech, \v Cech, \c{c}a, \k{a}, \u{g}, \r{u}", "Čech, Čech, ça, ą, ğ, ů"),
        (r"ma\~nana, c\^ote, \`a, \.Istanbul, \=a", "mañana, côte, à, İstanbul, ā"),
        (r"S\o rensen, S{\o}rensen, \L ukasz, \L{}ukasz", "Sørensen, Sørensen, Łukasz, Łukasz"),
        (r"Stra\ss e, Stra{\ss}e, \AA rhus, \ae{}on", "Straße, Straße, Århus, æon"),
    ],
)
def test_accents_become_letters(written: str, read: str) -> None:
    assert without_tex(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"$1.13\times$ faster, $256\times256$ pixels", "1.13× faster, 256×256 pixels"),
        (r"$\alpha$-, $\ell_1$-, $n$-gram", "α-, ℓ₁-, n-gram"),
        (r"$O(n \log n)$, $2\log\log n$, $t\log_2 n$", "O(n log n), 2 log log n, t log₂ n"),
        (r"$x^2$, $10^{-3}$, $x_{ij}$, CO$_2$, PM$_{2.5}$", "x², 10⁻³, xᵢⱼ, CO₂, PM2.5"),
        (r"$x^{ab}y$, $e^{-x^2}$, $R_{\max}(a)$", "xᵃᵇy, e^(-x²), R_max(a)"),
        (r"$\lim_{n \to \infty} a_n$", "lim_(n→∞) aₙ"),
        (r"$\mathcal{N}(0, \sigma^2)$ in $\mathbb{R}^d$ or $\mathbb F_q$", "N(0, σ²) in ℝᵈ or F_q"),
        (r"$\leq 3$, $a \leq b$, $a\leq b$, $\sim$5, $p<0.05$", "≤3, a ≤ b, a≤b, ∼5, p<0.05"),
        (r"$\frac{1}{n+1}$, $2\frac13$, $\sqrt{x}$, $\sqrt{a+b}$", "1/(n+1), 2 1/3, √x, √(a+b)"),
        (r"$\hat{x}$, $\overline{AB}$, $f'$, $90^\circ$, $W^\top$", "x̂, AB, f′, 90°, Wᵀ"),
        (r"$n=2{,}500$, $\left(3, 4\right]$, $\{0,1\}$", "n=2,500, (3, 4], {0,1}"),
        (r"\(a+b\), \[c\], $$d$$, \begin{equation}e\end{equation}", "a+b, c, d, e"),
        (r"the 5$^{th}$, $\text{if }x$, a bare 10^{-3}", "the 5th, if x, a bare 10⁻³"),
        (r"a \approx 7.4\times gain", "a ≈ 7.4× gain"),
    ],
)
def test_simple_formulas_become_unicode(written: str, read: str) -> None:
    assert without_tex(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\% \& \_ \# \$ \{ \}", "% & _ # $ { }"),
        (r"\textbf{a \emph{b}} {\em c} {\bf d} \texttt{e}", "a b c d e"),
        (r"(\textbf{R}ead, \underline{\textbf{W}}rite)", "(Read, Write)"),
        (r"\url{https://a.example/b\_c--d}", "https://a.example/b_c--d"),
        (r"\href{https://a.example}{here}", "here (https://a.example)"),
        (r"\href{https://a.example}{https://a.example}", "https://a.example"),
        ("``two'' `one' ``mixed\"", "“two” ‘one’ “mixed”"),
        ("a -- b, 3--5, c---d, --flag, <!-- -->", "a – b, 3–5, c—d, --flag, <!-- -->"),
        (r"Fig.~1, et~al.\ say, 5~km", "Fig. 1, et al. say, 5 km"),
        (r"some ~58\% or 10~20", "some ~58% or 10~20"),
        (r"see~\cite{roe,poe}, \eg, it\footnote{Or so.}", "see [roe, poe], e.g., it (Or so.)"),
    ],
)
def test_commands_of_text_are_read(written: str, read: str) -> None:
    assert without_tex(written) == read


@pytest.mark.parametrize(
    "written",
    [
        "$5 and $10 per hour",
        "$5-$10, or US$5 to US$6",
        "a lone $ sign, and 50% of it",
        r"an \unknown{macro} and $x \unknown y$",
        r"$\sqrt[3]{x}$ and $\begin{cases} a \\ b \end{cases}$",
        '{"json": [1, {"a": "b"}]} and {0, 1}',
        "snake_case, x^y, a_b, R^2",
        "`code` and ```python",
        "C++, ~/bin, https://a.example/~roe/x--y_z?a=1&b=2",
        "{ unbalanced } } {",
    ],
)
def test_what_cannot_be_read_stays_as_written(written: str) -> None:
    assert without_tex(written) == written


def test_money_does_not_swallow_the_formula_behind_it() -> None:
    assert (
        without_tex(r"It costs $5. We use $x$ and $y$ for $7.")
        == "It costs $5. We use x and y for $7."
    )


def test_escaped_quotes_are_no_umlauts() -> None:
    assert without_tex(r"say \"so\" and don\'t") == 'say "so" and don\'t'


@pytest.mark.parametrize(
    ("sign", "content", "shown"),
    [
        ("^", "n+1", "ⁿ⁺¹"),
        ("^", "th", "th"),
        ("^", "∘", "°"),
        ("^", "max", "^max"),
        ("_", "2.5", "2.5"),
        ("_", "a,b", "_(a,b)"),
    ],
)
def test_scripts_are_raised_and_lowered_where_fonts_can(
    sign: str, content: str, shown: str
) -> None:
    assert script(sign, content) == shown


def test_groups_are_read_to_a_depth_and_stay_as_written_below_it() -> None:
    nested = r"\emph{" * (DEPTH + 3) + "x" + "}" * (DEPTH + 3)
    assert without_tex(nested) == r"\emph{\emph{x}}"
