#!/usr/bin/env python3
"""Compose and synthesise Holdfast's hold music.

    python3 hold-music/synthesise.py            rewrite all tracks
    python3 hold-music/synthesise.py slow-tide  rewrite the tracks named

The tracks are written beside this file as 16 kHz mono 16-bit WAV. Only the
Python 3 standard library is used, and every random choice is seeded, so the
same program writes the same bytes each time.

The music is made for the telephone (300-3400 Hz, G.711):

* the melodies lie between about 290 and 880 Hz, the chords just below them,
  and the bass tones carry their pitch in their second and third partials, so
  that nothing is lost when a line cuts off the fundamental;
* attacks are rounded and there is no percussion, so nothing clicks;
* a slow leveller and a soft limiter keep the loudness even (RMS -20 dBFS,
  peaks below -6 dBFS), which companding and hearing both like.

A track is a loop without a seam. All of its audio lives on a circle: a note
that rings past the end rings on at the beginning, and each filter, chorus and
reverb is run over the last seconds of the loop before its first sample is
kept.

How it reads from here: theory (notes, chords, voice leading), instruments,
effects, the three scores, and the writing of the files.
"""

import array
import math
import os
import random
import sys
import wave

RATE = 16000
TAU = 2.0 * math.pi

# ---------------------------------------------------------------- theory

LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

# Chord quality -> the intervals (semitones above the root) played by the
# right hand. The root itself is left to the bass, as pianists do.
QUALITIES = {
    "maj9": (4, 7, 11, 14),
    "69": (4, 7, 9, 14),
    "m7": (3, 7, 10, 12),
    "m6": (3, 7, 9, 12),
    "9sus": (5, 7, 10, 14),
    "13": (4, 9, 10, 14),
    "7": (4, 7, 10, 12),
}


def pitch_class(name):
    """'Bb' -> (10, '') ; returns the class and what follows the note name."""
    value, rest = LETTERS[name[0]], name[1:]
    while rest[:1] in ("#", "b") and rest:
        value += 1 if rest[0] == "#" else -1
        rest = rest[1:]
    return value % 12, rest


def midi(name):
    """'A4' -> 69."""
    value, octave = pitch_class(name)
    return value + 12 * (int(octave) + 1)


def hertz(note):
    return 440.0 * 2.0 ** ((note - 69) / 12.0)


def voice(name, previous, low=57, high=74):
    """The close voicing of a chord that moves least from the previous one."""
    root, quality = pitch_class(name)
    classes = sorted((root + step) % 12 for step in QUALITIES[quality])
    best, best_cost = None, None
    for turn in range(4):
        order = classes[turn:] + classes[:turn]
        for octave in range(3, 7):
            notes = [order[0] + 12 * octave]
            for c in order[1:]:
                notes.append(notes[-1] + (c - notes[-1]) % 12)
            if notes[0] < low or notes[-1] > high:
                continue
            cost = sum(abs(a - b) for a, b in zip(notes, previous))
            if notes[3] - notes[2] == 1:  # a semitone on top sounds pinched
                cost += 6
            if best is None or cost < best_cost:
                best, best_cost = notes, cost
    return best


def bass_of(name):
    """The root of a chord, placed between A2 and G#3."""
    root, _ = pitch_class(name)
    note = 36 + root
    while note < 45:
        note += 12
    return note


def read_chords(text, low=57, high=74):
    """'Fmaj9:4 Dm7:4' -> [(start, length, bass note, voicing)], in beats."""
    out, start, previous = [], 0.0, [low + 2, low + 6, low + 9, low + 13]
    for token in text.replace("|", " ").split():
        name, length = token.split(":")
        previous = voice(name, previous, low, high)
        out.append((start, float(length), bass_of(name), previous))
        start += float(length)
    return out


def read_melody(text):
    """'A4/1.5 r/.5' -> [(start, length, note)], in beats."""
    out, start = [], 0.0
    for token in text.replace("|", " ").split():
        name, length = token.split("/")
        if name != "r":
            out.append((start, float(length), midi(name)))
        start += float(length)
    return out


# ----------------------------------------------------------- instruments
#
# Each returns a list of samples for one note, with its own rounded attack
# and a tail that ends in silence. Peaks are about 1.


def fade(samples, attack, release):
    """Raised-cosine edges: the difference between a note and a click."""
    a = min(int(attack * RATE), len(samples) // 2)
    r = min(int(release * RATE), len(samples) // 2)
    for i in range(a):
        samples[i] *= 0.5 - 0.5 * math.cos(math.pi * i / a)
    for i in range(r):
        samples[-1 - i] *= 0.5 - 0.5 * math.cos(math.pi * i / r)
    return samples


def ringing(frequency, seconds, partials):
    """Sum of dying sines: partials are (ratio, level, time to fall by 60 dB).

    Each is a two-pole resonator, y = 2 r cos(w) y' - r^2 y'', which needs no
    sine per sample. Partials above the telephone's band are left out.
    """
    n = int(seconds * RATE)
    out = [0.0] * n
    for ratio, level, t60 in partials:
        f = frequency * ratio
        if f > 3600.0:
            continue
        r = 10.0 ** (-3.0 / (t60 * RATE))
        w = TAU * f / RATE
        c1, c2 = 2.0 * r * math.cos(w), -r * r
        y1, y2 = 0.0, -level * math.sin(w) / r
        for i in range(n):
            y = c1 * y1 + c2 * y2
            y2, y1 = y1, y
            out[i] += y
    return out


def marimba(note, length):
    """A rosewood bar: the second partial is tuned two octaves up."""
    f = hertz(note)
    t = 1.9 * (440.0 / f) ** 0.5
    body = ringing(f, t, ((1.0, 0.85, t), (2.0, 0.05, t * 0.6), (3.93, 0.16, t * 0.22)))
    return fade(body, 0.006, 0.2)


def pluck(note, length):
    """A nylon string plucked near its middle; high partials die first."""
    f = hertz(note)
    ring = min(length + 0.5, 2.6)
    partials = []
    for k in range(1, 9):
        level = abs(math.sin(math.pi * k * 0.29)) / k ** 1.35
        partials.append((k * (1.0 + 0.00025 * k * k), 0.75 * level, 3.4 / (1.0 + 0.55 * (k - 1))))
    return fade(ringing(f, ring, partials), 0.007, min(0.45, ring / 2))


def soft_bass(note, length):
    """A round bass whose octave and twelfth are as loud as its root."""
    f = hertz(note)
    ring = length + 0.15
    body = ringing(f, ring, ((1.0, 0.5, 5.0), (2.0, 0.5, 3.6), (3.0, 0.22, 2.4), (4.0, 0.08, 1.6)))
    return fade(body, 0.018, 0.18)


def epiano(note, length):
    """An electric piano: a sine bent by its own pitch, and a short bell."""
    f = hertz(note)
    n = int((length + 0.35) * RATE)
    w, bell = TAU * f / RATE, TAU * f * 4.0 / RATE
    sin, out = math.sin, [0.0] * n
    level, drop = 0.8, 10.0 ** (-3.0 / (6.0 * RATE))
    index, index_drop = 0.9, 10.0 ** (-3.0 / (2.2 * RATE))
    tine, tine_drop = (0.10 if f * 4.0 < 3300.0 else 0.0), 10.0 ** (-3.0 / (0.5 * RATE))
    for i in range(n):
        p = w * i
        out[i] = level * (sin(p + (0.18 + index) * sin(p)) + tine * sin(bell * i))
        level *= drop
        index *= index_drop
        tine *= tine_drop
    return fade(out, 0.010, 0.32)


def pad(note, length):
    """Three slightly detuned strings, slow to come and slow to go."""
    f = hertz(note)
    n = int((length + 0.9) * RATE)
    out = [0.0] * n
    for cents, phase in ((-5.0, 0.3), (0.0, 1.9), (5.5, 4.1)):
        g = f * 2.0 ** (cents / 1200.0)
        for k, level in ((1, 0.26), (2, 0.10), (3, 0.055), (4, 0.02), (5, 0.012)):
            w = TAU * g * k / RATE
            if g * k > 3300.0:
                continue
            c, y1, y2 = 2.0 * math.cos(w), level * math.sin(phase * k - w), level * math.sin(phase * k - 2 * w)
            for i in range(n):
                y = c * y1 - y2
                y2, y1 = y1, y
                out[i] += y
    return fade(out, 0.55, 0.95)


def flute(note, length):
    """A quiet wooden flute whose vibrato comes late."""
    f = hertz(note)
    n = int((length + 0.12) * RATE)
    sin, out, phase = math.sin, [0.0] * n, 0.0
    for i in range(n):
        t = i / RATE
        depth = 0.0032 * min(1.0, max(0.0, (t - 0.25) / 0.5))
        vibrato = sin(TAU * 4.8 * t)
        phase += TAU * f * (1.0 + depth * vibrato) / RATE
        swell = 0.78 + 0.16 * min(1.0, t / 0.3) + 12.0 * depth * vibrato
        out[i] = swell * (0.72 * sin(phase) + 0.17 * sin(2 * phase + 0.4) + 0.06 * sin(3 * phase))
    return fade(out, 0.055, 0.13)


# --------------------------------------------------------------- effects
#
# All effects treat their input as a circle.


def circular(samples, make_step, lead=6.0):
    """Run a filter around the circle, warmed up on the loop's last seconds."""
    step, n = make_step(), len(samples)
    for i in range(n - min(n, int(lead * RATE)), n):
        step(samples[i])
    return [step(x) for x in samples]


def low_pass(cutoff):
    a = 1.0 - math.exp(-TAU * cutoff / RATE)

    def make():
        y = 0.0

        def step(x):
            nonlocal y
            y += a * (x - y)
            return y
        return step
    return make


def high_pass(cutoff):
    a = 1.0 - math.exp(-TAU * cutoff / RATE)

    def make():
        y = 0.0

        def step(x):
            nonlocal y
            y += a * (x - y)
            return x - y
        return step
    return make


def room():
    """Schroeder's reverberator: four damped combs, then two all-passes."""
    combs = [[[0.0] * size, 0, 0.0] for size in (516, 541, 571, 593)]
    passes = [[[0.0] * size, 0] for size in (202, 131)]

    def step(x):
        total = 0.0
        for comb in combs:
            line, at, damp = comb
            y = line[at]
            damp = 0.62 * y + 0.38 * damp
            line[at] = x + 0.80 * damp
            comb[1] = at + 1 if at + 1 < len(line) else 0
            comb[2] = damp
            total += y
        total *= 0.25
        for one in passes:
            line, at = one
            y = line[at] - 0.5 * total
            line[at] = total + 0.5 * y
            one[1] = at + 1 if at + 1 < len(line) else 0
            total = y
        return total
    return step


def chorus(samples, depth_ms=2.2, seconds=2.6, mix=0.45):
    """A copy that drifts against the original, a whole number of times a loop."""
    n = len(samples)
    turns = max(1, round(n / (seconds * RATE)))
    base, depth = 0.011 * RATE, depth_ms * 0.001 * RATE
    out, sin = [0.0] * n, math.sin
    for i in range(n):
        at = i - base - depth * sin(TAU * turns * i / n)
        whole = math.floor(at)
        part = at - whole
        a, b = samples[whole % n], samples[(whole + 1) % n]
        out[i] = (1.0 - mix) * samples[i] + mix * (a + part * (b - a))
    return out


def level(samples, target, seconds=0.8, strength=0.6):
    """Bring loud and soft passages closer to each other, slowly."""
    squares = circular([x * x for x in samples], low_pass(1.0 / (TAU * seconds)))
    look = int(seconds * RATE * 0.5)  # look ahead, so that gain and sound meet
    n = len(samples)
    return [x * (target / math.sqrt(squares[(i + look) % n] + 1e-9)) ** strength
            for i, x in enumerate(samples)]


def rms(samples):
    return math.sqrt(sum(x * x for x in samples) / len(samples))


def limit(x, knee, ceiling):
    """Straight up to the knee, then bending towards the ceiling."""
    size = abs(x)
    if size <= knee:
        return x
    room_left = ceiling - knee
    return math.copysign(knee + room_left * math.tanh((size - knee) / room_left), x)


# ----------------------------------------------------------------- a track


class Track:
    """A circle of beats onto which notes are laid."""

    def __init__(self, seed, beat, beats, swing=0.5):
        self.random = random.Random(seed)
        self.beat, self.n, self.swing = beat, beat * beats, swing
        self.buses = {"dry": [0.0] * self.n, "wide": [0.0] * self.n}
        self.cache = {}

    def seconds(self, beats):
        return beats * self.beat / RATE

    def place(self, start):
        """Beats -> sample, with the off-beat eighths swung."""
        whole = math.floor(start)
        part = start - whole
        if part <= 0.5:
            part *= 2.0 * self.swing
        else:
            part = self.swing + (part - 0.5) * 2.0 * (1.0 - self.swing)
        return int((whole + part) * self.beat)

    def play(self, instrument, start, length, note, volume, bus="dry", loose=0.006):
        key = (instrument, note, length)
        if key not in self.cache:
            self.cache[key] = instrument(note, self.seconds(length))
        at = self.place(start) + int(self.random.gauss(0.0, loose / 2) * RATE)
        volume *= 1.0 + 0.06 * self.random.uniform(-1.0, 1.0)
        line, n = self.buses[bus], self.n
        for sample in self.cache[key]:
            line[at % n] += volume * sample
            at += 1

    def master(self, wet=0.16):
        wide = chorus(self.buses["wide"])
        mix = [a + b for a, b in zip(self.buses["dry"], wide)]
        mix = circular(circular(mix, high_pass(140.0)), high_pass(90.0))
        # The reverb hears a thinner sound, so that it does not cloud the chords.
        send = circular(mix, high_pass(300.0))
        mix = [a + wet * 2.2 * b for a, b in zip(mix, circular(send, room))]
        # Presence: lift what lies above 1 kHz, then round off above the band.
        mix = [a + 1.3 * b for a, b in zip(mix, circular(mix, high_pass(1100.0)))]
        mix = circular(circular(mix, low_pass(4200.0)), low_pass(5200.0))
        mix = level(mix, rms(mix))
        goal, gain = 10.0 ** (-20.0 / 20.0), 1.0
        for _ in range(4):  # the limiter takes a little away: find the gain
            out = [limit(gain * x, 0.26, 0.46) for x in mix]
            gain *= goal / rms(out)
        return [limit(gain * x, 0.26, 0.46) for x in mix]


# ------------------------------------------------------------ the scores


def morning_harbour():
    """F major, 96 beats a minute, lightly swung; A A B A of eight bars each."""
    first = "Fmaj9:4 Dm7:4 | Bbmaj9:4 C9sus:4 | Am7:4 Dm7:4 | "
    home = "Gm7:2 C13:2 F69:4 "
    chords = read_chords(
        first + "Gm7:4 C13:4 "
        + first + home
        + "Bbmaj9:4 Am7:4 | Gm7:4 Fmaj9:4 | Bbmaj9:4 Bbm6:4 | Am7:2 D7:2 Gm7:2 C13:2 "
        + first + "Gm7:2 C13:2 F69:2 C9sus:2", low=55, high=70)
    theme = ("A4/1.5 G4/.5 A4/1 C5/1 | A4/2 F4/1 G4/1 | A4/1.5 F4/.5 D4/1 F4/1 | G4/3 r/1 | "
             "C5/1.5 D5/.5 E5/1 C5/1 | A4/2 C5/1 A4/1 | ")
    varied = ("A4/1 G4/.5 A4/.5 C5/1.5 D5/.5 | A4/2 F4/1 G4/1 | A4/.5 Bb4/.5 A4/.5 F4/.5 D4/1 F4/1 | G4/3 C5/1 | "
              "C5/1.5 D5/.5 E5/1 G5/1 | F5/1 E5/1 C5/1 A4/1 | ")
    cadence = "Bb4/1 A4/.5 G4/.5 A4/1 E4/1 | F4/3 r/1 | "
    melody = read_melody(
        theme + "Bb4/1.5 A4/.5 G4/1 D4/1 | A4/1 G4/2 r/1 | "
        + varied + cadence
        + "D5/1.5 C5/.5 D5/1 F5/1 | E5/2 C5/2 | Bb4/1.5 A4/.5 Bb4/1 D5/1 | C5/3 r/1 | "
          "D5/1.5 C5/.5 D5/1 F5/1 | F5/2 Db5/1 Bb4/1 | C5/2 A4/1 C5/1 | Bb4/1 A4/1 G4/2 | "
        + theme + cadence)
    t = Track(seed=1, beat=10000, beats=128, swing=0.57)
    for start, length, bass, notes in chords:
        section = int(start // 32)
        t.play(soft_bass, start, min(length, 2.0) * 0.95, bass, 0.50)
        if length > 2:
            t.play(soft_bass, start + 2.0, 1.0, bass + (7 if bass + 7 < 57 else 0), 0.34)
            t.play(soft_bass, start + 3.5, 0.5, bass, 0.26)
        for i, note in enumerate(notes):  # the hand rolls each chord a little
            roll = 0.012 * i
            t.play(epiano, start + roll, min(length, 2.5) * 0.9, note, 0.20, "wide")
            if length > 2:
                t.play(epiano, start + 2.5 + roll, 1.25, note, 0.15, "wide")
        if section in (1, 3):  # marimba ripples under the second and last A
            climb = [notes[0], notes[1], notes[2], notes[3], notes[2], notes[1], notes[2], notes[3]]
            for k in range(int(length * 2)):
                t.play(marimba, start + k * 0.5, 0.5, climb[k % 8] + 12, 0.15 if k % 2 else 0.19)
        if section == 2:
            for note in notes:
                t.play(pad, start, length, note, 0.20, "wide")
    for start, length, note in melody:
        section = int(start // 32)
        if section == 2:
            t.play(flute, start, length * 0.97, note, 0.52)
        else:
            t.play(epiano, start, length, note, 0.50, "wide")
            if section:
                t.play(marimba, start, length, note, 0.30)
    return t.master()


def slow_tide():
    """D major, in three, 80 beats a minute; broken chords like small waves."""
    first = "Dmaj9:3 Bm7:3 | Gmaj9:3 A9sus:3 | F#m7:3 Bm7:3 | "
    chords = read_chords(
        first + "Em7:3 A9sus:3 "
        + first + "Em7:1.5 A13:1.5 D69:3 "
        + "Gmaj9:3 Gm6:3 | F#m7:3 Bm7:3 | Em7:3 A9sus:3 | F#m7:1.5 Bm7:1.5 A9sus:3 "
        + first + "Em7:1.5 A13:1.5 D69:3")
    theme = "F#5/2 E5/1 | D5/2 C#5/1 | B4/2 D5/1 | E5/3 | C#5/2 E5/1 | F#5/2 D5/1 | "
    varied = "F#5/1 A5/1 E5/1 | D5/2 C#5/1 | B4/1 C#5/1 D5/1 | E5/3 | C#5/1.5 D5/.5 E5/1 | F#5/1.5 E5/.5 D5/1 | "
    cadence = "G5/1 E5/.5 F#5/.5 C#5/1 | D5/3 | "
    melody = read_melody(
        theme + "G5/1.5 F#5/.5 E5/1 | E5/2 r/1 | "
        + varied + cadence
        + "B4/1 D5/1 F#5/1 | E5/2 D5/1 | C#5/1 E5/1 A5/1 | F#5/3 | G5/2 F#5/1 | E5/2 D5/1 | C#5/1.5 D5/1.5 | E5/2 r/1 | "
        + theme + cadence)
    t = Track(seed=2, beat=12000, beats=96)
    for start, length, bass, notes in chords:
        section = int(start // 24)
        t.play(soft_bass, start, length * 0.95, bass, 0.42)
        for note in notes:
            t.play(pad, start, length, note, 0.20 if section != 2 else 0.25, "wide")
        tall = [notes[0], notes[2], notes[1] + 12, notes[3], notes[1] + 12, notes[2]]
        if section == 2:
            tall = [notes[3], notes[2], notes[1], notes[0] + 12, notes[1], notes[2]]
        for k in range(int(length * 2)):
            wave_shape = (0.30, 0.24, 0.26, 0.28, 0.23, 0.21)[k % 6]
            t.play(pluck if section % 2 == 0 else epiano, start + k * 0.5, 1.5, tall[k % 6],
                   wave_shape * (1.35 if section % 2 == 0 else 0.9), "wide")
    for start, length, note in melody:
        section = int(start // 24)
        if section in (0, 3):
            t.play(flute, start, length * 0.98, note, 0.46)
        else:
            t.play(epiano, start, length, note, 0.42, "wide")
        if section in (2, 3):  # a third voice answers an octave lower
            t.play(pluck, start, length, note - 12, 0.26)
    return t.master(wet=0.22)


def lantern_walk():
    """E minor and G major, 100 beats a minute; plucked strings and marimba."""
    first = "Em7:4 Cmaj9:4 | Gmaj9:4 D69:4 | Em7:4 Cmaj9:4 | "
    chords = read_chords(
        first + "Am7:4 D9sus:4 "
        + first + "Am7:2 D13:2 G69:4 "
        + "Cmaj9:4 D69:4 | Bm7:4 Em7:4 | Am7:4 D9sus:4 | Gmaj9:4 B7:4 "
        + first + "Am7:2 D13:2 G69:2 B7:2", low=54, high=70)
    theme = ("r/.5 E4/.5 G4/.5 B4/.5 A4/1 G4/1 | G4/1.5 E4/.5 D4/1 E4/1 | "
             "r/.5 G4/.5 B4/.5 D5/.5 B4/1 A4/1 | A4/1.5 B4/.5 A4/2 | "
             "r/.5 E4/.5 G4/.5 B4/.5 D5/1 B4/1 | E5/1.5 D5/.5 B4/1 G4/1 | ")
    varied = ("E4/.5 G4/.5 B4/.5 D5/.5 A4/1 G4/1 | G4/1 B4/.5 G4/.5 E4/1 D4/1 | "
              "G4/.5 B4/.5 D5/.5 E5/.5 D5/1 B4/1 | A4/1.5 B4/.5 A4/1 F#4/1 | "
              "E4/.5 G4/.5 B4/.5 D5/.5 E5/1 D5/1 | E5/1 G5/1 D5/1 B4/1 | ")
    cadence = "A4/1 C5/1 B4/.5 A4/.5 F#4/1 | G4/3 r/1 | "
    melody = read_melody(
        theme + "A4/1 C5/1 B4/1 G4/1 | A4/1.5 G4/.5 A4/2 | "
        + varied + cadence
        + "E5/1.5 D5/.5 E5/1 G5/1 | F#5/1 E5/1 D5/2 | D5/1.5 B4/.5 F#4/1 B4/1 | B4/1 G4/1 E4/2 | "
          "C5/1.5 B4/.5 C5/1 E5/1 | D5/1 C5/1 A4/2 | B4/1.5 A4/.5 B4/1 D5/1 | D#5/2 B4/1 A4/1 | "
        + theme + "A4/1 C5/1 B4/.5 A4/.5 F#4/1 | G4/2 F#4/1 A4/1 | ")
    t = Track(seed=3, beat=9600, beats=128, swing=0.53)
    for start, length, bass, notes in chords:
        section = int(start // 32)
        for k in range(0, int(length), 2):  # an easy walking pace
            t.play(soft_bass, start + k, 1.7, bass if k == 0 else bass + (7 if bass < 50 else -5), 0.46 if k == 0 else 0.36)
        order = (0, 2, 1, 3, 2, 1, 3, 2) if section != 2 else (0, 1, 2, 3, 3, 2, 1, 2)
        for k in range(int(length * 2)):
            t.play(pluck, start + k * 0.5, 1.25, notes[order[k % 8]], 0.34 if k % 4 == 0 else 0.27, "wide")
        if section in (1, 2, 3):
            for note in notes:
                t.play(pad, start, length, note, 0.13 if section != 2 else 0.20, "wide")
    for start, length, note in melody:
        section = int(start // 32)
        if section == 2:
            t.play(flute, start, length * 0.97, note, 0.42)
            t.play(marimba, start, length, note, 0.26)
        else:
            t.play(marimba, start, length, note, 0.52)
            t.play(epiano, start, max(length, 0.75), note, 0.28, "wide")
    return t.master(wet=0.20)


TRACKS = {
    "morning-harbour": morning_harbour,
    "slow-tide": slow_tide,
    "lantern-walk": lantern_walk,
}


def write(name, samples):
    folder = os.path.dirname(os.path.abspath(__file__))
    data = array.array("h", (int(round(32767.0 * x)) for x in samples))
    if sys.byteorder == "big":
        data.byteswap()
    with wave.open(os.path.join(folder, name + ".wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(data.tobytes())


def main():
    names = sys.argv[1:] or list(TRACKS)
    for name in names:
        if name not in TRACKS:
            sys.exit("no such track: %s (there are: %s)" % (name, ", ".join(TRACKS)))
    for name in names:
        samples = TRACKS[name]()
        write(name, samples)
        peak = max(abs(x) for x in samples)
        print("%s.wav  %.1f s  RMS %.1f dBFS  peak %.1f dBFS" % (
            name, len(samples) / RATE, 20 * math.log10(rms(samples)), 20 * math.log10(peak)))


if __name__ == "__main__":
    main()
