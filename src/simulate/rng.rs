//! Chance that can be repeated: a seeded generator with a stream of its own for each purpose. It never
//! looks at a clock or at the machine, so a seed says everything about a run.

/// What a stream is drawn for. Streams of different purposes, or of different subjects (calls, agents),
/// never touch each other: what one agent does changes nothing about the next caller's patience. That gives
/// *common random numbers*: two sets of rules, compared with one seed, meet the same callers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u64)]
pub enum Purpose {
    /// When calls arrive; the subject is the source of calls.
    Arrivals = 1,
    /// How long a caller waits before he gives up; the subject is the call.
    Patience,
    /// How long a conversation takes; the subject is the call.
    Handling,
    /// Which side ends a conversation, and what comes between; the subject is the call.
    Conversation,
    /// Who calls; the subject is the call.
    Caller,
    /// What an agent does about an offer; the subject is the call.
    Offer,
    /// How fast an agent works; the subject is the agent.
    Speed,
    /// When an agent comes, goes and rests; the subject is the agent.
    Shift,
    /// What the network does to messages.
    Network,
    /// What the store of facts does.
    Store,
    /// What the wall clock does.
    Clock,
    /// What is asked for through the API.
    Requests,
    /// The rules of a random world.
    World,
    /// Estimates by rolling the state forward; the subject is the future.
    Future,
    /// Models of the claims that have no engine in them.
    Model,
}

/// xoshiro256** (Blackman, Vigna: Scrambled Linear Pseudorandom Number Generators, ACM TOMS 47(4), 2021),
/// its state filled by SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
/// OOPSLA 2014), as its authors advise. Not for secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rng {
    state: [u64; 4],
}

/// One step of SplitMix64.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Rng {
    /// The stream of a seed alone.
    pub fn new(seed: u64) -> Self {
        let mut filler = seed;
        Self { state: std::array::from_fn(|_| split_mix(&mut filler)) }
    }

    /// The stream of one purpose and one subject (a call's or an agent's number) under a seed.
    pub fn stream(seed: u64, purpose: Purpose, subject: u64) -> Self {
        let mut key = seed;
        key = split_mix(&mut key) ^ purpose as u64;
        key = split_mix(&mut key) ^ subject;
        Self::new(split_mix(&mut key))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// Evenly from 0 up to but not including 1, in steps of 2⁻⁵³.
    pub fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True in that share of draws.
    pub fn happens(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// A whole number from 0 up to but not including `end`; 0 when `end` is 0.
    ///
    /// By multiplication (Lemire 2019) without rejection: its bias is below `end`/2⁶⁴.
    pub fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(end);
        (wide >> 64) as u64
    }

    /// A whole number from `low` to `high`, both included.
    pub fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// One of them; `None` of none.
    pub fn choose<'t, T>(&mut self, things: &'t [T]) -> Option<&'t T> {
        things.get(self.below(things.len() as u64) as usize)
    }

    /// Exponential with mean 1, by inversion.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.share()).ln()
    }

    /// Normal with mean 0 and deviation 1: the polar method (Marsaglia, Bray 1964), of which one half is
    /// used, so that a draw leaves nothing behind.
    pub fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (2.0 * self.share() - 1.0, 2.0 * self.share() - 1.0);
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                return u * (-2.0 * s.ln() / s).sqrt();
            }
        }
    }

    /// Gamma with the given shape and scale 1 (Marsaglia, Tsang: A Simple Method for Generating Gamma
    /// Variables, ACM TOMS 26(3), 2000); 0 for a shape that is not above 0.
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape.is_nan() || shape <= 0.0 {
            return 0.0;
        }
        if shape < 1.0 {
            // Their boost for small shapes: G(a) = G(a + 1)·U^(1/a).
            let boost = (1.0 - self.share()).powf(1.0 / shape);
            return self.gamma(shape + 1.0) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            let u = 1.0 - self.share();
            if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample's mean and variance.
    fn moments(mut draw: impl FnMut() -> f64) -> (f64, f64) {
        let n = 200_000;
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..n {
            let x = draw();
            sum += x;
            squares += x * x;
        }
        let mean = sum / f64::from(n);
        (mean, squares / f64::from(n) - mean * mean)
    }

    fn near(measured: (f64, f64), mean: f64, variance: f64) {
        let close = |a: f64, b: f64| (a - b).abs() < 0.03 * b.abs().max(0.3);
        assert!(
            close(measured.0, mean) && close(measured.1, variance),
            "{measured:?} is not {mean}, {variance}"
        );
    }

    #[test]
    fn split_mix_gives_the_published_sequence() {
        // The first outputs of the reference implementation (prng.di.unimi.it/splitmix64.c) for seed 1234567.
        let mut state = 1_234_567;
        let first: Vec<u64> = (0..3).map(|_| split_mix(&mut state)).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn xoshiro_gives_the_published_sequence() {
        // The first outputs of the reference implementation (prng.di.unimi.it/xoshiro256starstar.c).
        let mut rng = Rng { state: [1, 2, 3, 4] };
        let first: Vec<u64> = (0..4).map(|_| rng.bits()).collect();
        assert_eq!(first, [11_520, 0, 1_509_978_240, 1_215_971_899_390_074_240]);
    }

    #[test]
    fn a_stream_depends_on_seed_purpose_and_subject_and_on_nothing_else() {
        let first = |seed, purpose, subject| Rng::stream(seed, purpose, subject).bits();
        let one = first(1, Purpose::Patience, 7);
        assert_eq!(one, first(1, Purpose::Patience, 7));
        assert_ne!(one, first(2, Purpose::Patience, 7));
        assert_ne!(one, first(1, Purpose::Handling, 7));
        assert_ne!(one, first(1, Purpose::Patience, 8));
    }

    #[test]
    fn the_first_draws_of_neighbouring_streams_are_independent() {
        let first = |subject| Rng::stream(9, Purpose::Handling, subject).share() - 0.5;
        let n = 50_000;
        let product: f64 = (0..n).map(|subject| first(subject) * first(subject + 1)).sum();
        // The product of two independent even draws has variance 1/144.
        assert!((product / n as f64).abs() < 4.0 / 12.0 / (n as f64).sqrt(), "{product}");
    }

    #[test]
    fn draws_have_the_moments_of_their_laws() {
        let mut rng = Rng::new(11);
        near(moments(|| rng.share()), 0.5, 1.0 / 12.0);
        near(moments(|| rng.exponential()), 1.0, 1.0);
        near(moments(|| rng.normal()), 0.0, 1.0);
        near(moments(|| rng.gamma(4.0)), 4.0, 4.0);
        near(moments(|| rng.gamma(0.5)), 0.5, 0.5);
    }

    #[test]
    fn a_choice_is_even_and_of_nothing_there_is_none() {
        let mut rng = Rng::new(5);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[rng.below(7) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
        assert_eq!(rng.choose::<u8>(&[]), None);
        assert_eq!((rng.below(0), rng.within(3, 3)), (0, 3));
    }
}
