// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that unbinds its device from inside one of its own operations: as it
 * should, and as it should not, which is reported and does not hang.
 */
#include "probe.h"

int main(void)
{
	static const char *const words[] = {
		"cdevm: cdevm-probe: unbound by unlocked_ioctl of its own driver (probe_ioctl",
		"which should use cdevm_unbind_self()", NULL
	};
	int fd;
	long t0;

	if (!probe_load())
		return done("cdevm-self");
	fd = probe_open(0);
	ok_err(xioctl(fd, PROBE_LEAVE, NULL), 0, "the device is to be unbound by its driver");
	ok(wait_for(!probe_is_bound(), 10000), "it is, when the call has ended");
	ok_err(xioctl(fd, PROBE_PING, NULL), ENODEV, "ioctl");
	close(fd);
	ok_err(probe_bind(), 0, "bind");

	fd = probe_open(0);
	expect(OWN_UNBIND);
	kmsg_start();
	t0 = now_ms();
	ok_err(xioctl(fd, PROBE_LEAVE_WRONG, NULL), 0, "the wrong way");
	ok(now_ms() - t0 < 5000, "it does not hang");
	ok(kmsg_has(words), "the log says what to do");
	expect_end();
	ok(!probe_is_bound(), "the device is unbound");
	ok_err(xioctl(fd, PROBE_PING, NULL), ENODEV, "ioctl");
	close(fd);
	ok_err(probe_bind(), 0, "bind");
	fd = probe_open(0);
	ok(xioctl(fd, PROBE_PING, NULL) == PROBE_PONG, "it works again");
	close(fd);
	probe_ok_end();
	return done("cdevm-self");
}
