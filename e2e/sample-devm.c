// SPDX-License-Identifier: GPL-2.0
/*
 * The broken twin: KASAN must see the bug that the sample does not have
 *
 * Same nodes, same operations as in sample.c. If nothing is reported here,
 * silence elsewhere means nothing.
 */
#include "sample.h"

static const struct sample *const S = &devm_sample;

/*
 * One report must be from the driver's own function; any number of others are
 * from the locks, wait queues and list that it uses, in the same freed memory.
 */
static void bug(const char *function)
{
	char ere[128];

	snprintf(ere, sizeof(ere),
		 "KASAN: slab-use-after-free in %s\\+.*\\[devm_sample\\]", function);
	expect(ere);
	expect("KASAN: slab-use-after-free");
}

static void bug_end(void)
{
	expect_end();
	expect_end();
}

int main(void)
{
	struct sample_stats stats = { 0 };
	int fd[NODES], i;
	char buf[8];

	if (!ok_err(sample_insmod_twin(), 0, "insmod %s", S->name))
		return done("sample-devm");
	ok(sample_hold(S) && sample_open(S, fd), "open all nodes");
	ok(xwrite(fd[0], "hello", 5) == 5 && xread(fd[2], buf, 5) == 5,
	   "it works while it is bound");
	ok(xioctl(fd[1], SAMPLE_IOC_GET_STATS, &stats) == 0 && stats.users == 2 * NODES,
	   "ioctl, too");
	ok_err(sample_unbind(S), 0, "unbind");
	ok(sample_count(S, "frees") == 1, "the memory is freed at once");

	for (i = 0; i < NODES; i++) {
		bug("sample_read");
		diag("read: %s", ename(xread(fd[i], buf, sizeof(buf))));
		bug_end();

		bug("sample_write");
		diag("write: %s", ename(xwrite(fd[i], buf, sizeof(buf))));
		bug_end();

		bug("sample_ioctl");
		diag("ioctl: %s", ename(xioctl(fd[i], SAMPLE_IOC_GET_STATS, &stats)));
		bug_end();

		bug("sample_poll");
		diag("poll: %#x", poll_one(fd[i], 0));
		bug_end();
	}
	ok(true, "read, write, ioctl, poll after unbind: KASAN was to see each");

	for (i = 0; i < NODES; i++) {
		/* The VFS puts the cdev after release; a misc device has none. */
		if (i < 2)
			expect("KASAN: slab-use-after-free in cdev_put");
		bug("sample_release");
		close(fd[i]);
		bug_end();
		if (i < 2)
			expect_end();
	}
	ok(true, "close after unbind: KASAN was to see each");
	return done("sample-devm");
}
