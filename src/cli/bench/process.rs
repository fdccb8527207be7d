//! What a process costs: its resident memory and its processor time, read from `/proc`.
//!
//! Linux only, as the expectations are. The kernel counts processor time in ticks of 10 ms, so a
//! figure per request needs slices of a second or more to mean anything.

use std::fs;
use std::time::Duration;

use super::failure::Failure;

/// `USER_HZ`: the unit of times in `/proc`, the same on every architecture Linux has today.
const TICK: Duration = Duration::from_millis(10);

/// Resident memory of a process, in bytes.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64, Failure> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(path).map_err(Failure::system("reading /proc/PID/status"))?;
    parse_kibibytes(&text, "VmRSS:").ok_or_else(|| no_figure("VmRSS in /proc/PID/status"))
}

/// The most resident memory that a process had since it began, or since [`forget_peak`]; in bytes.
pub(crate) fn peak_bytes(pid: u32) -> Result<u64, Failure> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(path).map_err(Failure::system("reading /proc/PID/status"))?;
    parse_kibibytes(&text, "VmHWM:").ok_or_else(|| no_figure("VmHWM in /proc/PID/status"))
}

/// Has the kernel take the peak from now on (`proc_pid_clear_refs(5)`).
pub(crate) fn forget_peak(pid: u32) -> Result<(), Failure> {
    let path = format!("/proc/{pid}/clear_refs");
    fs::write(path, "5").map_err(Failure::system("writing /proc/PID/clear_refs"))
}

/// Processor time a process has used since it began, user and system, over all its threads.
pub(crate) fn processor_time(pid: u32) -> Result<Duration, Failure> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(path).map_err(Failure::system("reading /proc/PID/stat"))?;
    parse_processor(&text).ok_or_else(|| no_figure("utime in /proc/PID/stat"))
}

/// Processor time all processes of the machine have used, with what the hypervisor took.
///
/// With interrupts, since a process is charged for the ones that are served in its time.
pub(crate) fn machine_time() -> Result<Duration, Failure> {
    let text = fs::read_to_string("/proc/stat").map_err(Failure::system("reading /proc/stat"))?;
    parse_machine(&text).ok_or_else(|| no_figure("cpu in /proc/stat"))
}

fn no_figure(what: &str) -> Failure {
    Failure::Server(format!("no {what}: is the process still there?"))
}

fn parse_kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn parse_processor(stat: &str) -> Option<Duration> {
    // The name of the program is in brackets and may hold anything, brackets and blanks included.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK * (user + system))
}

fn parse_machine(stat: &str) -> Option<Duration> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let fields: Vec<u32> =
        line.split_ascii_whitespace().map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, _idle, _wait, interrupts, soft, stolen, ..] = fields[..] else {
        return None;
    };
    Some(TICK * (user + nice + system + interrupts + soft + stolen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        let status = "Name:\tbursar\nVmHWM:\t  900 kB\nVmRSS:\t    640 kB\n";
        assert_eq!(parse_kibibytes(status, "VmRSS:"), Some(655_360));
        assert_eq!(parse_kibibytes(status, "VmHWM:"), Some(921_600));
        assert_eq!(parse_kibibytes("Name:\tzombie\n", "VmRSS:"), None);
    }

    #[test]
    fn machine_time_is_all_but_idling_and_waiting() {
        let stat = "cpu  90 20 30 9999 9999 4 6 50 0 0\ncpu0 1 1 1 1\n";
        assert_eq!(parse_machine(stat), Some(Duration::from_secs(2)));
        assert_eq!(parse_machine("cpu  1 2 3\n"), None);
    }

    #[test]
    fn processor_time_is_user_and_system_whatever_the_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0";
        assert_eq!(parse_processor(stat), Some(Duration::from_secs(2)));
    }
}
