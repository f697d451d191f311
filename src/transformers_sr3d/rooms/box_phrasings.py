# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Box rooms: the wordings of questions and answers, one table per question type.

`{a}` and `{b}` are the regions a question chooses between or measures, `{anchor}` the region a comparison refers to,
`{unit}` is empty or names the unit (" in centimeters"). In answers `{best}` and `{other}` are the right and the wrong
region and `{value}` is the number with its unit; the first region that a choice's answer names is the chosen one.
Distance is between centres, width is the larger horizontal side and height the vertical extent, so no wording here
may suggest the gap between surfaces or the depth of a thing.

May import: nothing.
"""

QUESTIONS = {
    "left": (
        "Which is further to the left, {a} or {b}?",
        "Is {a} or {b} more to the left in the image?",
        "Between {a} and {b}, which one appears on the left?",
        "Which of {a} and {b} is on the left side of the other?",
        "Looking at the picture, which is left of the other: {a} or {b}?",
        "Out of {a} and {b}, which one is on the left?",
        "Tell me which region is the left one, {a} or {b}.",
        "Compare {a} and {b}. Which is further left?",
        "Which one lies to the left, {a} or {b}?",
    ),
    "right": (
        "Which is further to the right, {a} or {b}?",
        "Is {a} or {b} more to the right in the image?",
        "Between {a} and {b}, which one appears on the right?",
        "Which of {a} and {b} is on the right side of the other?",
        "Looking at the picture, which is right of the other: {a} or {b}?",
        "Out of {a} and {b}, which one is on the right?",
        "Tell me which region is the right one, {a} or {b}.",
        "Compare {a} and {b}. Which is further right?",
        "Which one lies to the right, {a} or {b}?",
    ),
    "closer": (
        "Which is closer to the camera, {a} or {b}?",
        "Which is closer, {a} or {b}?",
        "Is {a} or {b} nearer to the camera?",
        "Between {a} and {b}, which one is closer to the viewer?",
        "Which of {a} and {b} is nearest to the camera?",
        "From where the photo was taken, which is nearer: {a} or {b}?",
        "Out of {a} and {b}, which is at the smaller distance from the camera?",
        "Tell me which one is closer to me, {a} or {b}.",
        "Compare {a} and {b}. Which is nearer to the observer?",
    ),
    "taller": (
        "Which is taller, {a} or {b}?",
        "Is {a} or {b} taller?",
        "Between {a} and {b}, which one is taller?",
        "Which of {a} and {b} has the greater height?",
        "Which one is higher from its bottom to its top, {a} or {b}?",
        "Out of {a} and {b}, which is the taller one?",
        "Tell me which one is taller, {a} or {b}.",
        "Compare {a} and {b}. Which stands taller?",
        "Of the two regions {a} and {b}, which has more height?",
    ),
    "wider": (
        "Which is wider, {a} or {b}?",
        "Is {a} or {b} wider?",
        "Between {a} and {b}, which one is wider?",
        "Which of {a} and {b} has the greater width?",
        "Which one is broader, {a} or {b}?",
        "Out of {a} and {b}, which is the wider one?",
        "Tell me which one is wider, {a} or {b}.",
        "Compare {a} and {b}. Which has the larger width?",
        "Of the two regions {a} and {b}, which is broader?",
    ),
    "farther_from": (
        "Which is farther from {anchor}, {a} or {b}?",
        "Is {a} or {b} farther away from {anchor}?",
        "Between {a} and {b}, which one is farther from {anchor}?",
        "Which of {a} and {b} has the larger distance to {anchor}?",
        "Measured from {anchor}, which is farther: {a} or {b}?",
        "Out of {a} and {b}, which is more distant from {anchor}?",
        "Starting at {anchor}, which one is further away, {a} or {b}?",
        "Compare {a} and {b}. Which is farther from {anchor}?",
        "Tell me which one is the farthest from {anchor}, {a} or {b}.",
    ),
    "closer_to": (
        "Which is closer to {anchor}, {a} or {b}?",
        "Is {a} or {b} nearer to {anchor}?",
        "Between {a} and {b}, which one is closer to {anchor}?",
        "Which of {a} and {b} has the smaller distance to {anchor}?",
        "Measured from {anchor}, which is nearer: {a} or {b}?",
        "Out of {a} and {b}, which is less distant from {anchor}?",
        "Starting at {anchor}, which one is closer, {a} or {b}?",
        "Compare {a} and {b}. Which is nearer to {anchor}?",
        "Tell me which one is the closest to {anchor}, {a} or {b}.",
    ),
    "distance": (
        "How far apart are {a} and {b}{unit}?",
        "What is the distance between {a} and {b}{unit}?",
        "How far is {a} from {b}{unit}?",
        "Measure the distance from {a} to {b}{unit}.",
        "What is the distance from the center of {a} to the center of {b}{unit}?",
        "How large is the distance between {a} and {b}{unit}?",
        "Can you tell me how far {a} is from {b}{unit}?",
        "Estimate how far apart {a} and {b} are{unit}.",
        "How much distance separates {a} and {b}{unit}?",
        "Give the distance between {a} and {b}{unit}.",
    ),
    "width": (
        "How wide is {a}{unit}?",
        "What is the width of {a}{unit}?",
        "Measure the width of {a}{unit}.",
        "Can you tell me how wide {a} is{unit}?",
        "Estimate the width of {a}{unit}.",
        "What width does {a} have{unit}?",
        "How many meters wide is {a}?",
        "Give the width of {a}{unit}.",
        "How broad is {a}{unit}?",
    ),
    "height": (
        "How tall is {a}{unit}?",
        "What is the height of {a}{unit}?",
        "Measure the height of {a}{unit}.",
        "Can you tell me how tall {a} is{unit}?",
        "Estimate the height of {a}{unit}.",
        "What height does {a} have{unit}?",
        "How many meters tall is {a}?",
        "Give the height of {a}{unit}.",
        "How high is {a} from bottom to top{unit}?",
    ),
}

ANSWERS = {
    "left": ("{best} is further left.", "{best} is to the left of {other}.", "The left one is {best}."),
    "right": ("{best} is further right.", "{best} is to the right of {other}.", "The right one is {best}."),
    "closer": ("{best} is closer.", "{best} is closer to the camera than {other}.", "The closer one is {best}."),
    "taller": ("{best} is taller.", "{best} is taller than {other}.", "The taller one is {best}."),
    "wider": ("{best} is wider.", "{best} is wider than {other}.", "The wider one is {best}."),
    "farther_from": (
        "{best} is farther from {anchor}.",
        "{best} is farther from {anchor} than {other}.",
        "The farther one is {best}.",
    ),
    "closer_to": (
        "{best} is closer to {anchor}.",
        "{best} is closer to {anchor} than {other}.",
        "The closer one is {best}.",
    ),
    "distance": (
        "{a} and {b} are {value} apart.",
        "The distance between {a} and {b} is {value}.",
        "{a} is {value} from {b}.",
    ),
    "width": ("{a} is {value} wide.", "The width of {a} is {value}.", "{a} has a width of {value}."),
    "height": ("{a} is {value} tall.", "The height of {a} is {value}.", "{a} has a height of {value}."),
}
