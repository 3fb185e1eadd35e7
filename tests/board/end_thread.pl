# end_thread.pl PROCESS THREAD: ends one thread of a process where it is, as no signal can: it is stopped, and goes on at a system
# call, `exit`. For the emulated board, whose Debian has Perl and no debugger; the numbers are those of 64-bit ARM.
use strict;
use warnings;

my ($PTRACE, $EXIT) = (117, 93);
my ($DETACH, $GETREGSET, $SETREGSET, $SEIZE, $INTERRUPT) = (17, 0x4204, 0x4205, 0x4206, 0x4207);
my ($NT_PRSTATUS, $WALL, $REGISTERS) = (1, 0x40000000, 34);
my ($PC, $NUMBER) = (32, 8);
my ($process, $thread) = map { $_ + 0 } @ARGV;

# Where the process's C library has a system call's instruction, `svc #0`.
sub system_call {
    open my $maps, '<', "/proc/$process/maps" or die "maps: $!";
    open my $memory, '<:raw', "/proc/$process/mem" or die "mem: $!";
    while (<$maps>) {
        next unless /^([0-9a-f]+)-([0-9a-f]+) r-xp .*libc/;
        my ($from, $bytes) = (hex $1, hex($2) - hex $1);
        seek $memory, $from, 0;
        my $code = '';
        read $memory, $code, $bytes;
        for (my $at = 0; $at < $bytes; $at += 4) {
            return $from + $at if substr($code, $at, 4) eq "\x01\x00\x00\xd4";
        }
    }
    die "no system call is found";
}

sub ask {
    my ($request, $address, $data) = @_;
    syscall($PTRACE, $request, $thread, $address, $data) != -1 or die "ptrace $request: $!";
}

my $instruction = system_call();
ask($SEIZE, 0, 0);
ask($INTERRUPT, 0, 0);
waitpid($thread, $WALL) == $thread or die "it does not stop: $!";
my $registers = pack 'Q*', (0) x $REGISTERS;
ask($GETREGSET, $NT_PRSTATUS, pack('PQ', $registers, length $registers));
my @values = unpack 'Q*', $registers;
@values[0, $NUMBER, $PC] = (0, $EXIT, $instruction);
$registers = pack 'Q*', @values;
ask($SETREGSET, $NT_PRSTATUS, pack('PQ', $registers, length $registers));
ask($DETACH, 0, 0);
