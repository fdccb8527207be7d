//! Throw-away measurement.
use std::sync::Arc;
use std::time::Instant;
use bursar_domain::id::{Seq, ShardId};
use bursar_snapshots::sled_store::{Options, SledStore};
use bursar_snapshots::store::{Journal, Slice, Archive};
fn main() {
    let size: usize = std::env::args().nth(1).map_or(4096, |s| s.parse().unwrap());
    let n: u64 = std::env::args().nth(2).map_or(20000, |s| s.parse().unwrap());
    let trim_every: u64 = std::env::args().nth(3).map_or(2000, |s| s.parse().unwrap());
    let dir = tempfile::tempdir_in("/work").unwrap();
    let (mut j, a) = SledStore::open(dir.path(), &Options::default()).unwrap();
    let shards: Vec<_> = (0..16).map(ShardId).collect();
    let claims = j.claim(&shards).unwrap();
    let rec = 200; let per = (size / rec).max(1);
    let mut next = vec![1u64; 16];
    let mut times = Vec::new();
    let mut trims = Vec::new();
    let start = Instant::now();
    for i in 0..n {
        let s = (i % 16) as usize;
        let bytes = Arc::new(vec![(i % 251) as u8; rec * per]);
        let ends = Arc::new((1..=per).map(|k| (k * rec) as u32).collect::<Vec<_>>());
        let slice = Slice { shard: shards[s], epoch: claims[s].epoch, first: Seq(next[s]), bytes, ends };
        next[s] += per as u64;
        let t = Instant::now();
        j.append(&[slice]).unwrap();
        times.push(t.elapsed().as_nanos() as u64 / 1000);
        if i % trim_every == trim_every - 1 {
            let keep: Vec<_> = shards.iter().map(|s| (*s, Seq(next[s.0 as usize].saturating_sub(trim_every / 16 * per as u64).max(1)))).collect();
            let t = Instant::now();
            j.trim(&keep).unwrap();
            trims.push(t.elapsed().as_micros());
        }
    }
    let el = start.elapsed();
    times.sort();
    let p = |q: f64| times[((times.len() - 1) as f64 * q) as usize];
    println!("size {} B x{n}: {:.0}/s {:.1} MB/s p50 {} p90 {} p99 {} p99.9 {} max {} us; trims max {:?} us; disk {} MB",
        rec * per, n as f64 / el.as_secs_f64(), (n * (rec * per) as u64) as f64 / el.as_secs_f64() / 1e6, p(0.5), p(0.9), p(0.99), p(0.999), p(1.0), trims.iter().max(), a.size_bytes().unwrap() / 1_000_000);
    drop((j, a));
    let t = Instant::now();
    let (j, _a) = SledStore::open(dir.path(), &Options::default()).unwrap();
    let mut c = 0; j.read(&mut |_| { c += 1; Ok(()) }).unwrap();
    println!("reopen + read {c} records {:?}", t.elapsed());
}
