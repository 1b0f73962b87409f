"""What the demo workspace is about: briefs, brand and what its people said. Data only."""

from typing import Any

BRAND = {
    "name": "Aurora Audio",
    "palette": ["#161d3a", "#d9c2a0", "#f3ede2", "#e0962f"],
    "mood": ["calm", "warm", "premium"],
    "negatives": ["cables", "glowing rings", "sound waves"],
}
RULES = [
    "Early evening light from one side, never from above.",
    "One object to look at; at least a third of the picture stays empty.",
    "Product colours are midnight blue and sand; amber only as a small accent.",
]

FINISHED: dict[str, Any] = {
    "title": "Studio One speaker, autumn",
    "ticket": "MKT-2102",
    "mood": "calm, warm",
    "base_seed": 20_260_914,
    "budget": "4.00",
    "brief": "Studio One is a small wireless speaker in sand coloured fabric. Autumn: hero, detail and a square.",
    "key_points": ["Small wireless speaker", "Sand coloured fabric", "Autumn light, calm and warm"],
    "shots": [
        {
            "title": "Hero",
            "description": "The speaker, a rounded box in sand coloured fabric, on a low plinth, empty space right.",
            "kind": "hero",
            "aspect_ratio": "16:9",
        },
        {
            "title": "Detail",
            "description": "Close-up of the speaker's fabric and its amber dial, shallow depth of field.",
            "kind": "detail",
            "aspect_ratio": "4:5",
        },
        {
            "title": "Social square",
            "description": "The speaker beside a clay cup and a plant, seen slightly from above, centred.",
            "kind": "social",
            "aspect_ratio": "1:1",
        },
    ],
}

IN_REVIEW: dict[str, Any] = {
    "title": "Aurora headphones launch",
    "ticket": "MKT-2241",
    "mood": "calm, warm, premium",
    "base_seed": 22_410_914,
    "budget": "5.00",
    "sample": "aurora.md",
}

READY: dict[str, Any] = {
    "title": "Kettle & Kin winter blend",
    "ticket": "MKT-2263",
    "mood": "cosy, warm, rich",
    "base_seed": 7_263_114,
    "budget": "2.50",
    "brief": (
        "Kettle & Kin brings back its winter blend on 1 December: dark chocolate, orange peel, a little smoke.\n"
        "Mood: cosy, warm, rich\n"
        "Colours: espresso brown, burnt orange, cream, fir green\n\n"
        "## Four shots\n"
        "1. Hero for the shop (16:9): a bag of coffee on a low plinth, window light from the left, empty space right\n"
        "2. Newsletter (3:2): a clay mug of coffee on a wooden table by a window on a winter morning\n"
        "3. Window poster (4:5): a flat illustration of a steaming cup before mountains, bold shapes\n"
        "4. Social square (1:1): coffee bag, orange and cup on linen, seen from above\n\n"
        "No text in the pictures. No snowmen.\n"
    ),
    "key_points": [],
}

# A view of the sheet that everybody finds.
VIEW = "To review, best first"

# In review: which shots of Aurora people have spoken about, in the order of its stacks.
COMMENTS: list[dict[str, Any]] = [
    {
        "shot": 0,
        "kind": "keep",
        "shape": "rectangle",
        "box": (0.56, 0.10, 0.38, 0.42),
        "text": "Exactly this much air. The headline goes here in seven languages.",
        "by": "jonas",
    },
    {
        "shot": 0,
        "kind": "change",
        "shape": "rectangle",
        "box": (0.28, 0.68, 0.40, 0.20),
        "text": "The shadow is a touch hard for early evening. Softer, and longer to the right.",
        "by": "maya",
    },
    {
        "shot": 1,
        "kind": "change",
        "shape": "pin",
        "box": (0.52, 0.36, 0.0, 0.0),
        "text": "@ada can we keep her eyes closed? It is about calm.",
        "by": "maya",
    },
    {
        "shot": 2,
        "kind": "remove",
        "shape": "polygon",
        "box": (0.06, 0.62, 0.22, 0.24),
        "text": "This sphere pulls the eye away from the weave.",
        "by": "maya",
    },
]
