"""What people do in clips whose data set names only the subject, and the groups of actions.

The groups are those of ``training.config.mixture``.
"""

OTHERWISE = "everyday"
"""The group of an action that is in no rule."""

RULES = {
    "shoulder": "standing",
    "stand": "standing",
    "walk": "walking",
    "stylised walk": "walking",
    "sneak": "walking",
    "stairs": "walking",
    "story gestures": "walking",
    "sit": "sitting",
    "lie": "floor",
    "floor work": "floor",
    "deep squat": "exercise",
    "squat": "exercise",
    "hurdle step": "exercise",
    "inline lunge": "exercise",
    "side lunge": "exercise",
    "leg raise": "exercise",
    "elbow to knee": "exercise",
    "rotate arms": "exercise",
    "hop": "exercise",
    "jump": "exercise",
    "swim": "exercise",
    "run": "sport",
    "jog": "sport",
    "punch": "sport",
    "box": "sport",
    "kick": "sport",
    "karate": "sport",
    "martial": "sport",
    "tai chi": "sport",
    "swordplay": "sport",
    "throw": "sport",
    "acrobatics": "sport",
    "soccer": "sport",
    "basketball": "sport",
    "playground climbing": "sport",
    "basketball signal": "everyday",
    "dance": "dance",
    "modern dance": "dance",
    "break dance": "dance",
    "indian": "dance",
    "salsa": "dance",
}
"""The group of an action, by how it begins; the longest rule that fits counts."""

_CMU = {
    "02": {
        "1 2": "walk",
        "3": "run",
        "4": "jump",
        "5": "punch",
        "6": "pick up",
        "7 8 9": "swordplay",
        "10": "wash",
    },
    "05": {"1": "walk"},
    "06": {"1": "walk"},
    "09": {"1 2 3 4 5 6 7 8 9 10 11": "run", "12": "walk"},
    "10": {"4": "walk"},
    "12": {"1 2 3": "walk", "4": "tai chi"},
    "13": {
        "1 2 3": "sit on a stool",
        "4 5 6": "sit on a step",
        "7 8 9": "drink",
        "10": "reach",
        "11 12 13 19 32 39 40 41 42": "jump",
        "14 15 16": "laugh",
        "17 18": "boxing",
        "20 21 22": "wash windows",
        "23 24 25": "sweep",
        "26 27 28": "direct traffic",
        "29 30 31": "jumping jacks",
        "33 34": "climb a ladder",
        "35 36 37 38": "stairs",
    },
    "14": {
        "1 2 3": "boxing",
        "4 5 37": "drink",
        "7 8": "reach",
        "6 14 20": "jumping jacks",
        "17 18 19": "laugh",
        "21 22 23": "stairs",
        "27 28 29": "sit on a stool",
        "30 31 32 36": "sit on a step",
        "33 34 35": "climb a ladder",
    },
    "35": {"17 18 19 20 21 22 23 24 25 26": "run"},
    "43": {"1": "walk"},
    "49": {"1": "walk", "2 3": "jump", "4 5 6 7 8": "acrobatics"},
    "55": {"4": "walk"},
    "85": {"2": "break dance", "12": "floor work, break dance"},
    "39": {"1 2 3 4 5 6 7 8 9 10 12 13 14": "walk"},
}
"""By CMU's subject and trials, where they do something else than the subject mostly does."""


def cmu_action(clip: str) -> str | None:
    """What happens in a clip of CMU's named NN_MM, if it is known."""
    subject, _, trial = clip.partition("_")
    number = trial.split(".")[0].lstrip("0")
    found = _CMU.get(subject, {}).items()
    return next((action for trials, action in found if number in trials.split()), None)


def group_of(action: str) -> str:
    """The group of an action."""
    fitting = [rule for rule in RULES if action.startswith(rule)]
    return RULES[max(fitting, key=len)] if fitting else OTHERWISE
