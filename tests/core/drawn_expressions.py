"""Regular expressions drawn by Hypothesis: well formed ones of every kind, foreign ones, and rubbish."""

from hypothesis import strategies as st


def _words(text: str) -> list[str]:
    return text.split()


ATOMS = [
    *"abc-_./ =:^$]},'\"#%&~!<",
    *_words(r"\. \- \_ \\ \/ \[ \{ \( \' \d \D \w \W \s \S \b \B \A \Z \a \f \n \r \t \x41 \x00 \xff"),
    *_words(r"[abc] [^abc] []a] [^]a] [a-c-] [\]\-\\^] [\w.] [\b] [-a] [.] [:a] [a:] (?i:B) (?:) () (|a)"),
    r"\ ",
]
FOREIGN = [
    *_words(r"[:a:] [..] [=a=] [[:alpha:]] [[a] [a--b] [a||b] [a&&b] [a~~b] [\1] [\v] { {,2} {a} (?#x) (?x) (?a:b)"),
    *_words(r"\v \1 \01 \u0041 \U00000041 \N{DIGIT} \z \h \K \Q \E \G \R \X \p{L} \C (?P=n) (?P>n) (?R) (?1)"),
    *_words(r"(?(1)a|b) (?|a|b) (?<n>a) (?'n'a) (*UTF) (*FAIL) (*pla:a) (?C) é"),
    "\t",
]
REPEATS = _words("* + ? *? +? ?? *+ ++ ?+ {2} {0,2} {1,} {2}? {0,3}+ {0} {30}")
GROUPS = _words("(@) (?:@) (?P<n>@) (?=@) (?!@) (?<=@) (?<!@) (?>@) (?i:@) (?s-i:@) (?m:@)")


def _grown(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(st.sampled_from(GROUPS), parts).map(lambda pair: pair[0].replace("@", pair[1])),
        st.tuples(parts, st.sampled_from(REPEATS)).map("".join),
        st.lists(parts, min_size=1, max_size=4).map("".join),
        st.lists(parts, min_size=2, max_size=3).map("|".join),
    )


sound = st.recursive(st.sampled_from(ATOMS), _grown, max_leaves=12)
foreign = st.recursive(st.sampled_from([*ATOMS, *FOREIGN]), _grown, max_leaves=6)
rubbish = st.text(r"ab\[](){}?*+^$|.-:=<>!Pimsx,0123&~#'", max_size=16)
anything = st.one_of(sound, sound.map(lambda text: "(?i)" + text), foreign, rubbish).filter(
    lambda text: 0 < len(text) <= 255
)
