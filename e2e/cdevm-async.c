// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of aio and io_uring that continue when their call has returned, and
 * a device that goes while they are in flight
 */
#include "probe.h"

#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <sys/mman.h>

static bool bind(void)
{
	return ok_err(probe_bind(), 0, "bind");
}

static bool unbind(void)
{
	return ok_err(probe_unbind(), 0, "unbind");
}

/* --- aio */

#define READS	3

static aio_context_t aio_setup(void)
{
	aio_context_t ctx = 0;

	return syscall(SYS_io_setup, 8, &ctx) ? 0 : ctx;
}

static int aio_submit(aio_context_t ctx, struct iocb *cb, int op, int fd, void *buf, long len)
{
	memset(cb, 0, sizeof(*cb));
	cb->aio_lio_opcode = op;
	cb->aio_fildes = fd;
	cb->aio_buf = (unsigned long)buf;
	cb->aio_nbytes = len;
	return syscall(SYS_io_submit, ctx, 1, &cb) == 1 ? 0 : -errno;
}

/* The result of one, or -ETIME when there is none within @ms. */
static long aio_result(aio_context_t ctx, int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };
	struct io_event ev;

	return syscall(SYS_io_getevents, ctx, 1, 1, &ev, &ts) == 1 ? (long)ev.res : -ETIME;
}

static void t_aio(void)
{
	aio_context_t ctx = aio_setup();
	struct iocb cb[READS];
	int fd = probe_open(0), i;
	char buf[READS];

	diag("aio: reads on their way when the device goes");
	if (!ok(fd >= 0 && ctx, "open, io_setup"))
		return;
	ok(!aio_submit(ctx, cb, IOCB_CMD_PREAD, fd, buf, 1) && probe_saw("read_iter"),
	   "submit a read");
	ok(aio_result(ctx, 0) == -ETIME, "it is on its way");
	ok_err(xioctl(fd, PROBE_COMPLETE, NULL), 0, "complete it");
	ok(aio_result(ctx, 2000) == PROBE_DONE, "it is complete");
	for (i = 0; i < READS; i++)
		ok_err(aio_submit(ctx, &cb[i], IOCB_CMD_PREAD, fd, &buf[i], 1), 0, "submit");
	unbind();
	for (i = 0; i < READS; i++)
		ok_err(aio_result(ctx, 5000), ENODEV, "the read ends");
	ok_err(aio_submit(ctx, cb, IOCB_CMD_PREAD, fd, buf, 1), 0, "submit after unbind");
	ok_err(aio_result(ctx, 5000), ENODEV, "it ends");
	ok_err(aio_submit(ctx, cb, IOCB_CMD_PWRITE, fd, buf, 1), 0, "submit a write");
	ok_err(aio_result(ctx, 5000), ENODEV, "it ends");
	close(fd);
	syscall(SYS_io_destroy, ctx);
	bind();
}

/*
 * The file is closed with requests in flight: they hold the file, and it holds
 * the memory.
 */
static void t_aio_closed(void)
{
	aio_context_t ctx = aio_setup();
	long frees, releases;
	struct iocb cb;
	char buf;
	int fd;

	diag("aio: closed with a read on its way");
	probe_settle();
	frees = probe_param("frees");
	releases = probe_param("releases");
	fd = probe_open(0);
	ok_err(aio_submit(ctx, &cb, IOCB_CMD_PREAD, fd, &buf, 1), 0, "submit");
	ok_err(close(fd) ? -errno : 0, 0, "close");
	ok(probe_param("releases") == releases, "the request holds the file");
	unbind();
	ok_err(aio_result(ctx, 5000), ENODEV, "the read ends");
	ok(wait_for(probe_param("releases") == releases + 1, 5000), "and with it the file");
	syscall(SYS_io_destroy, ctx);
	bind();
	ok(wait_for(probe_param("frees") == frees + 1, FREED_MS), "and the memory");
}

/* A poll is a request, too. It can be on one wait queue only. */
static void t_aio_poll(void)
{
	aio_context_t ctx = aio_setup();
	int fd = probe_open(0);
	struct iocb cb;

	diag("aio: poll");
	ok_err(aio_submit(ctx, &cb, IOCB_CMD_POLL, fd, (void *)POLLIN, 0), 0, "submit");
	ok(aio_result(ctx, 100) == -ETIME, "nothing to read");
	xioctl(fd, PROBE_DATA, NULL);
	ok(aio_result(ctx, 5000) & POLLIN, "POLLIN");
	close(fd);
	fd = probe_open(0);
	ok_err(aio_submit(ctx, &cb, IOCB_CMD_POLL, fd, (void *)POLLIN, 0), 0, "submit again");
	unbind();
	ok(aio_result(ctx, 5000) == (POLLERR | POLLHUP), "POLLERR | POLLHUP when the device goes");
	close(fd);
	syscall(SYS_io_destroy, ctx);
	bind();
}

/* --- io_uring, by hand */

struct ring {
	int fd;
	bool iopoll;
	/* To be unmapped: a mapping holds the ring. */
	void *maps[3];
	size_t sizes[3];
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

#define ENTRIES	8

static bool ring_open(struct ring *r, unsigned int flags)
{
	struct io_uring_params par = { .flags = flags };
	static const off_t offsets[3] = { IORING_OFF_SQ_RING, IORING_OFF_CQ_RING, IORING_OFF_SQES };
	char *sq, *cq;
	int i;

	r->iopoll = flags & IORING_SETUP_IOPOLL;
	r->fd = syscall(SYS_io_uring_setup, ENTRIES, &par);
	if (r->fd < 0)
		return false;
	r->sizes[0] = par.sq_off.array + par.sq_entries * sizeof(unsigned int);
	r->sizes[1] = par.cq_off.cqes + par.cq_entries * sizeof(struct io_uring_cqe);
	r->sizes[2] = par.sq_entries * sizeof(struct io_uring_sqe);
	for (i = 0; i < 3; i++) {
		r->maps[i] = mmap(NULL, r->sizes[i], PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_POPULATE, r->fd, offsets[i]);
		if (r->maps[i] == MAP_FAILED)
			return false;
	}
	sq = r->maps[0];
	cq = r->maps[1];
	r->sqes = r->maps[2];
	r->sq_tail = (void *)(sq + par.sq_off.tail);
	r->sq_mask = (void *)(sq + par.sq_off.ring_mask);
	r->sq_array = (void *)(sq + par.sq_off.array);
	r->cq_head = (void *)(cq + par.cq_off.head);
	r->cq_tail = (void *)(cq + par.cq_off.tail);
	r->cq_mask = (void *)(cq + par.cq_off.ring_mask);
	r->cqes = (void *)(cq + par.cq_off.cqes);
	return true;
}

static void ring_close(struct ring *r)
{
	int i;

	for (i = 0; i < 3; i++)
		munmap(r->maps[i], r->sizes[i]);
	close(r->fd);
}

static long ring_enter(struct ring *r, unsigned int submit, unsigned int wait)
{
	unsigned int flags = wait || r->iopoll ? IORING_ENTER_GETEVENTS : 0;
	long n = syscall(SYS_io_uring_enter, r->fd, submit, wait, flags, NULL, 0);

	return n < 0 ? -errno : n;
}

static long ring_submit(struct ring *r, int op, int fd, void *buf, unsigned int len,
			unsigned int cmd, unsigned long data)
{
	unsigned int tail = *r->sq_tail, i = tail & *r->sq_mask;
	struct io_uring_sqe *sqe = &r->sqes[i];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = op;
	sqe->fd = fd;
	sqe->user_data = data;
	if (op == IORING_OP_URING_CMD) {
		/* cmd_op shares the place of off; older headers do not have the name. */
		sqe->off = cmd;
	} else if (op == IORING_OP_POLL_ADD) {
		sqe->poll32_events = cmd;
	} else {
		sqe->addr = (unsigned long)buf;
		sqe->len = len;
	}
	r->sq_array[i] = i;
	__atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_RELEASE);
	return ring_enter(r, 1, 0);
}

/* The result of one, or -ETIME when there is none within @ms. */
static long ring_result(struct ring *r, int ms)
{
	unsigned int head = *r->cq_head;
	long end = now_ms() + ms, res;

	while (head == __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE)) {
		if (now_ms() >= end)
			return -ETIME;
		/* Completions are done in this task, when it is in the kernel. */
		ring_enter(r, 0, 0);
		sleep_ms(10);
	}
	res = r->cqes[head & *r->cq_mask].res;
	__atomic_store_n(r->cq_head, head + 1, __ATOMIC_RELEASE);
	return res;
}

static void t_uring_read(void)
{
	int fd = probe_open(0), i;
	struct ring r;
	char buf[READS];

	diag("io_uring: reads on their way when the device goes");
	if (!ok(fd >= 0 && ring_open(&r, 0), "open, io_uring_setup"))
		return;
	ok(ring_submit(&r, IORING_OP_READ, fd, buf, 1, 0, 1) == 1 && probe_saw("read_iter"),
	   "submit a read");
	ok(ring_result(&r, 0) == -ETIME, "it is on its way");
	ok_err(xioctl(fd, PROBE_COMPLETE, NULL), 0, "complete it");
	ok(ring_result(&r, 5000) == PROBE_DONE, "it is complete");
	for (i = 0; i < READS; i++)
		ok(ring_submit(&r, IORING_OP_READ, fd, &buf[i], 1, 0, i) == 1, "submit");
	unbind();
	for (i = 0; i < READS; i++)
		ok_err(ring_result(&r, 5000), ENODEV, "the read ends");
	ok(ring_submit(&r, IORING_OP_READ, fd, buf, 1, 0, 1) == 1, "submit after unbind");
	ok_err(ring_result(&r, 5000), ENODEV, "it ends");
	ok(ring_submit(&r, IORING_OP_WRITE, fd, buf, 1, 0, 1) == 1, "submit a write");
	ok_err(ring_result(&r, 5000), ENODEV, "it ends");
	close(fd);
	ring_close(&r);
	bind();
}

static void t_uring_cmd(void)
{
	int fd = probe_open(0), i;
	struct ring r;

	diag("io_uring: commands on their way when the device goes");
	if (!ok(fd >= 0 && ring_open(&r, 0), "open, io_uring_setup"))
		return;
	ok(ring_submit(&r, IORING_OP_URING_CMD, fd, NULL, 0, PROBE_CMD_NOW, 1) == 1 &&
	   probe_saw("uring_cmd"), "submit a command");
	ok(ring_result(&r, 5000) == PROBE_DONE, "it is complete");
	ring_submit(&r, IORING_OP_URING_CMD, fd, NULL, 0, PROBE_CMD_LATER, 1);
	ok(ring_result(&r, 0) == -ETIME, "one that takes its time");
	ok_err(xioctl(fd, PROBE_COMPLETE, NULL), 0, "complete it");
	ok(ring_result(&r, 5000) == PROBE_DONE, "it is complete");
	for (i = 0; i < READS; i++)
		ring_submit(&r, IORING_OP_URING_CMD, fd, NULL, 0,
			    i % 2 ? PROBE_CMD_LATER : PROBE_CMD_CANCELABLE, 1);
	unbind();
	for (i = 0; i < READS; i++)
		ok_err(ring_result(&r, 5000), ENODEV, "the command ends");
	ring_submit(&r, IORING_OP_URING_CMD, fd, NULL, 0, PROBE_CMD_NOW, 1);
	ok_err(ring_result(&r, 5000), ENODEV, "a command after unbind");
	close(fd);
	ring_close(&r);
	bind();
}

/*
 * If a driver has made a command cancelable, io_uring asks the driver to cancel
 * it, also after the unbind: the exit of the process waits for the command.
 */
static void t_uring_cancel(bool first_unbind)
{
	int fd, ready[2], status;
	long cancels, releases;
	pid_t child;
	char c;

	diag("io_uring: a command that is cancelled %s", first_unbind ? "after unbind" : "while bound");
	probe_settle();
	cancels = probe_param("cancels");
	releases = probe_param("releases");
	fd = probe_open(0);
	xioctl(fd, PROBE_LAZY, (void *)1);
	if (!ok(!pipe(ready), "pipe"))
		return;
	child = fork();
	if (!child) {
		struct ring r;

		if (!ring_open(&r, 0))
			_exit(1);
		ring_submit(&r, IORING_OP_URING_CMD, fd, NULL, 0, PROBE_CMD_CANCELABLE, 1);
		xwrite(ready[1], "x", 1);
		for (;;)
			pause();
	}
	xread(ready[0], &c, 1);
	close(ready[0]);
	close(ready[1]);
	close(fd);
	if (first_unbind)
		unbind();
	kill(child, SIGKILL);
	if (!ok(wait_for(waitpid(child, &status, WNOHANG) == child, 10000), "the process can exit"))
		return;
	ok(wait_for(probe_param("cancels") == cancels + 1, 5000), "the driver has cancelled it");
	ok(wait_for(probe_param("releases") == releases + 1, 5000), "the file is released");
	if (first_unbind)
		bind();
}

static void t_uring_poll(void)
{
	int fd = probe_open(0);
	struct ring r;

	diag("io_uring: poll");
	if (!ok(fd >= 0 && ring_open(&r, 0), "open, io_uring_setup"))
		return;
	ring_submit(&r, IORING_OP_POLL_ADD, fd, NULL, 0, POLLIN, 1);
	ok(ring_result(&r, 100) == -ETIME, "nothing to read");
	xioctl(fd, PROBE_DATA, NULL);
	ok(ring_result(&r, 5000) == POLLIN, "POLLIN");
	close(fd);
	fd = probe_open(0);
	ring_submit(&r, IORING_OP_POLL_ADD, fd, NULL, 0, POLLIN, 1);
	unbind();
	ok(ring_result(&r, 5000) == (POLLERR | POLLHUP), "POLLERR | POLLHUP when the device goes");
	close(fd);
	ring_close(&r);
	bind();
}

/*
 * The queue that a poll is on is freed, and the poll ends with it. A poll on the
 * next queue is woken by the unbind.
 */
static void t_queue_goes(bool uring)
{
	aio_context_t ctx = aio_setup();
	int fd = probe_open(0), i;
	struct ring r = { 0 };
	struct iocb cb;
	long res;

	diag("%s: poll of a queue that goes", uring ? "io_uring" : "aio");
	if (!ok(fd >= 0 && ctx && (!uring || ring_open(&r, 0)), "open, set up"))
		return;
	for (i = 0; i < 3; i++) {
		if (uring)
			ring_submit(&r, IORING_OP_POLL_ADD, fd, NULL, 0, POLLIN, 1);
		else
			aio_submit(ctx, &cb, IOCB_CMD_POLL, fd, (void *)POLLIN, 0);
		res = uring ? ring_result(&r, 50) : aio_result(ctx, 50);
		ok(res == -ETIME, "nothing to read");
		if (i == 2)
			break;
		ok(xioctl(fd, PROBE_NEW_QUEUE, NULL) == 1, "a new queue; somebody is on the old one");
		res = uring ? ring_result(&r, 5000) : aio_result(ctx, 5000);
		ok(res == (uring ? -ECANCELED : POLLHUP), "the poll ends (%ld)", res);
	}
	unbind();
	res = uring ? ring_result(&r, 5000) : aio_result(ctx, 5000);
	ok(res == (POLLERR | POLLHUP), "POLLERR | POLLHUP when the device goes (%ld)", res);
	close(fd);
	syscall(SYS_io_destroy, ctx);
	if (uring)
		ring_close(&r);
	bind();
}

/* Requests that are completed when user space polls for them, and not before. */
static void t_uring_iopoll(void)
{
	int fd = probe_open(O_DIRECT);
	struct ring r;
	char buf[8];
	long n;

	diag("io_uring: polled requests");
	if (!ok(fd >= 0 && ring_open(&r, IORING_SETUP_IOPOLL), "open, io_uring_setup"))
		return;
	ok(ring_submit(&r, IORING_OP_READ, fd, buf, 8, 0, 1) == 1, "submit a read");
	ok(ring_result(&r, 0) == -ETIME && probe_saw("iopoll"), "somebody looks");
	probe_set("wake", "1");
	ok(ring_result(&r, 5000) == PROBE_DONE, "it is complete");
	ring_submit(&r, IORING_OP_URING_CMD, fd, NULL, 0, PROBE_CMD_LATER, 1);
	ok(ring_result(&r, 5000) == PROBE_DONE && probe_saw("uring_cmd_iopoll"), "so is a command");
	unbind();
	bind();
	close(fd);

	fd = probe_open(O_DIRECT);
	ring_submit(&r, IORING_OP_READ, fd, buf, 8, 0, 1);
	ring_submit(&r, IORING_OP_URING_CMD, fd, NULL, 0, PROBE_CMD_LATER, 1);
	unbind();
	ok_err(ring_result(&r, 5000), ENODEV, "a read ends when the device goes");
	ok_err(ring_result(&r, 5000), ENODEV, "a command ends when the device goes");
	n = ring_submit(&r, IORING_OP_READ, fd, buf, 8, 0, 1);
	ok(n == 1, "submit after unbind");
	ok_err(ring_result(&r, 5000), ENODEV, "it ends");
	close(fd);
	ring_close(&r);
	bind();
}

/* A file that is registered with a ring and has no descriptor any more. */
static void t_uring_registered(void)
{
	long frees, releases;
	struct ring r;
	int fd;

	diag("io_uring: a file that only the ring has");
	probe_settle();
	frees = probe_param("frees");
	releases = probe_param("releases");
	fd = probe_open(0);
	if (!ok(fd >= 0 && ring_open(&r, 0), "open, io_uring_setup"))
		return;
	ok(!syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_FILES, &fd, 1), "register");
	close(fd);
	unbind();
	bind();
	sleep_ms(SETTLE_MS);
	ok(probe_param("frees") == frees && probe_param("releases") == releases,
	   "the ring holds the file, and it the memory");
	ring_close(&r);
	ok(wait_for(probe_param("releases") == releases + 1, 10000), "until it is closed");
	ok(wait_for(probe_param("frees") == frees + 1, FREED_MS), "then the memory is freed");
}

/* The process ends with everything on its way. */
static void t_exit(void)
{
	long releases;
	pid_t child;
	int status;

	diag("a process that ends with requests on their way");
	probe_settle();
	releases = probe_param("releases");
	child = fork();
	if (!child) {
		aio_context_t ctx = aio_setup();
		int fd = probe_open(0);
		struct iocb cb;
		struct ring r;
		char buf[2];

		ring_open(&r, 0);
		aio_submit(ctx, &cb, IOCB_CMD_PREAD, fd, buf, 1);
		ring_submit(&r, IORING_OP_READ, fd, buf + 1, 1, 0, 1);
		ring_submit(&r, IORING_OP_URING_CMD, fd, NULL, 0, PROBE_CMD_LATER, 1);
		_exit(probe_unbind() != 0);
	}
	ok(wait_for(waitpid(child, &status, WNOHANG) == child, 10000) && status == 0, "it ends");
	ok(wait_for(probe_param("releases") == releases + 1, 10000), "its file is released");
	bind();
}

int main(void)
{
	if (!probe_load())
		return done("cdevm-async");
	t_aio();
	t_aio_closed();
	t_aio_poll();
	t_uring_read();
	t_uring_cmd();
	t_uring_cancel(false);
	t_uring_cancel(true);
	t_uring_poll();
	t_queue_goes(false);
	t_queue_goes(true);
	t_uring_iopoll();
	t_uring_registered();
	t_exit();
	probe_ok_end();
	return done("cdevm-async");
}
