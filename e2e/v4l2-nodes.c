// SPDX-License-Identifier: GPL-2.0
/*
 * A video card with a CEC adapter, a remote control and digital TV is unbound
 *
 * modules/board-nodes.c is the card. Its video node belongs to a scope; the
 * other nodes have lifetimes of their own, which docs/cdevm-media.rst tells a
 * driver how to handle. All are open across the unbind, with tasks asleep in
 * them. Bugs of stock, where the card is in devm memory, are announced and must
 * be detected there.
 */
#include "v4l2.h"
#include <linux/cec.h>
#include <linux/dvb/dmx.h>
#include <linux/dvb/frontend.h>
#include <linux/lirc.h>

#define BOARD "board-nodes"
#define FRONTEND "/dev/dvb/adapter0/frontend0"
#define DEMUX "/dev/dvb/adapter0/demux0"

static bool ours;

static long board(const char *param)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/board_nodes/parameters/%s", param);
	return read_long(path);
}

/* Not by number: CEC has the number of an adapter until its release, which may be delayed. */
static const char *find_cec(void)
{
	static char path[64];
	struct dirent *e;
	DIR *d = opendir("/sys/bus/cec/devices");

	path[0] = 0;
	while (d && (e = readdir(d)))
		if (!strncmp(e->d_name, "cec", 3))
			snprintf(path, sizeof(path), "/dev/%.40s", e->d_name);
	if (d)
		closedir(d);
	return path;
}

static int bind(bool with_demux)
{
	write_file("/sys/module/board_nodes/parameters/with_demux", with_demux ? "1" : "0");
	return ok_err(driver_write("platform", BOARD, "bind", BOARD), 0, "bind") &&
	       ok(wait_for(find_video(BOARD)[0] && find_cec()[0] &&
			   exists("/dev/lirc0") && exists(FRONTEND), PROMPT_MS),
		  "there are its nodes");
}

static long unbind(struct sleeper *unused __unused)
{
	return driver_write("platform", BOARD, "unbind", BOARD);
}

static long querycap(int fd)
{
	struct v4l2_capability cap;

	return xioctl(fd, VIDIOC_QUERYCAP, &cap);
}

/* --- sleepers that are not V4L2's */

static long sleep_in_receive(struct sleeper *s)
{
	struct cec_msg msg = { 0 };

	return xioctl(s->fd, CEC_RECEIVE, &msg);
}

static long sleep_in_cec_poll(struct sleeper *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	int n = poll(&p, 1, 60000);

	return n < 0 ? -errno : p.revents;
}

static long sleep_in_get_event(struct sleeper *s)
{
	struct dvb_frontend_event ev;

	return xioctl(s->fd, FE_GET_EVENT, &ev);
}

/* Does nothing, and lets a call end with EINTR. */
static void on_signal(int sig __unused)
{
}

/* It does not sleep for long: the core looks once a tick whether there is an event. */
static bool looker_start(struct sleeper *s, int fd)
{
	memset(s, 0, sizeof(*s));
	s->what = sleep_in_get_event;
	s->fd = fd;
	return !pthread_create(&s->thread, NULL, sleeper_main, s) && !sleeper_join(s, 500);
}

/* One that the core of its node does not tell. */
static void ok_stays(struct sleeper *s, const char *where)
{
	ok(!sleeper_join(s, 1000), "%s: it stays, as on stock", where);
	pthread_kill(s->thread, SIGUSR1);
	if (ok(sleeper_join(s, 30000), "%s: a signal ends it", where))
		ok_err(s->ret, EINTR, "%s", where);
}

struct files {
	int video, cec, lirc, frontend;
};

static void open_all(struct files *f)
{
	f->video = xopen(find_video(BOARD), O_RDWR);
	f->cec = xopen(find_cec(), O_RDWR);
	f->lirc = xopen("/dev/lirc0", O_RDWR);
	f->frontend = xopen(FRONTEND, O_RDWR);
	ok(f->video >= 0 && f->cec >= 0 && f->lirc >= 0 && f->frontend >= 0,
	   "open all (%d, %d, %d, %d)", f->video, f->cec, f->lirc, f->frontend);
}

static void t_works(void)
{
	struct cec_caps caps = { 0 };
	unsigned int features = 0, pulse = 500;
	enum fe_status status;
	struct files f;

	diag("while bound, it works");
	open_all(&f);
	ok_err(querycap(f.video), 0, "VIDIOC_QUERYCAP");
	ok_err(xioctl(f.cec, CEC_ADAP_G_CAPS, &caps), 0, "CEC_ADAP_G_CAPS");
	ok_err(xioctl(f.lirc, LIRC_GET_FEATURES, &features), 0, "LIRC_GET_FEATURES");
	ok(xwrite(f.lirc, &pulse, sizeof(pulse)) == sizeof(pulse), "lirc: sends a pulse");
	ok_err(xioctl(f.frontend, FE_READ_STATUS, &status), 0, "FE_READ_STATUS");
	close(f.video);
	close(f.cec);
	close(f.lirc);
	close(f.frontend);
}

/* On stock two of these closes use freed memory. */
static void t_stock(void)
{
	unsigned int features = 0, pulse = 500;
	struct files f;

	diag("stock: unbound while all nodes are open");
	open_all(&f);
	ok_err(unbind(NULL), 0, "unbind");
	ok_err(xioctl(f.lirc, LIRC_GET_FEATURES, &features), ENODEV, "LIRC_GET_FEATURES");
	ok_err(xwrite(f.lirc, &pulse, sizeof(pulse)), ENODEV, "lirc: write");
	close(f.lirc);
	ok(true, "stock: nothing");

	/* The driver counts who uses it: v4l2-skeleton has one that does not. */
	close(f.video);

	/* At the last reference to the adapter, which DEBUG_KOBJECT_RELEASE delays. */
	expect("KASAN: slab-use-after-free in nodes_cec_free");
	close(f.cec);
	ok(wait_for(board("frees") >= 1, FREED_MS), "stock: ->adap_free() ran in freed memory");
	expect_end();

	expect("KASAN: slab-use-after-free in (dvb_.*|nodes_.*)");
	expect("KASAN: slab-use-after-free");
	close(f.frontend);
	expect_end();
	expect_end();
	ok(true, "stock: close() of the frontend ran in freed memory");
}

static void t_unbind(bool asleep, bool cec_first)
{
	struct cec_caps caps = { 0 };
	unsigned int features = 0, pulse = 500;
	struct sleeper receive, cec_poll, lirc, event;
	enum fe_status status;
	long frees = board("frees"), scopes = trace_count("cdevm_free"), uses;
	struct files f;

	open_all(&f);
	if (asleep) {
		ok(sleeper_start(&receive, sleep_in_receive, f.cec, NULL),
		   "a task sleeps in CEC_RECEIVE");
		ok(sleeper_start(&cec_poll, sleep_in_cec_poll, f.cec, NULL),
		   "one in poll() of the CEC adapter");
		ok(sleeper_start(&lirc, sleep_in_read, f.lirc, NULL), "one in read() of lirc");
		ok(looker_start(&event, f.frontend), "one is in FE_GET_EVENT");
	}
	ok_err(unbind(NULL), 0, "unbind");
	uses = board("uses");
	if (asleep) {
		if (ok(sleeper_join(&cec_poll, 30000), "cec: poll() wakes"))
			ok((cec_poll.ret & GONE) == (POLLERR | POLLHUP),
			   "cec: poll() says 0x%lx", cec_poll.ret);
		if (ok(sleeper_join(&lirc, 30000), "lirc: read() wakes"))
			ok_err(lirc.ret, ENODEV, "lirc: read");
		ok_stays(&receive, "CEC_RECEIVE");
		ok_stays(&event, "FE_GET_EVENT");
	}
	ok_err(querycap(f.video), ENODEV, "VIDIOC_QUERYCAP");
	ok(poll_all(f.video) == GONE, "video: poll() says 0x%x", poll_all(f.video));
	ok_err(xioctl(f.cec, CEC_ADAP_G_CAPS, &caps), ENODEV, "CEC_ADAP_G_CAPS");
	ok(poll_all(f.cec) == GONE, "cec: poll() says 0x%x", poll_all(f.cec));
	ok_err(xioctl(f.lirc, LIRC_GET_FEATURES, &features), ENODEV, "LIRC_GET_FEATURES");
	ok_err(xwrite(f.lirc, &pulse, sizeof(pulse)), ENODEV, "lirc: write");
	ok(poll_all(f.lirc) == (POLLERR | POLLHUP), "lirc: poll() says 0x%x", poll_all(f.lirc));
	ok_err(xioctl(f.frontend, FE_READ_STATUS, &status), ENODEV, "FE_READ_STATUS");

	/* Each of them alone keeps the card's memory. */
	close(f.video);
	close(f.lirc);
	sleep_ms(SETTLE_MS);
	ok(board("frees") == frees && trace_count("cdevm_free") == scopes, "CEC and DVB hold the card");
	close(cec_first ? f.cec : f.frontend);
	/* The release of an adapter is delayed. */
	ok(wait_for(board("frees") == frees + 1, FREED_MS), "one of them is closed, and lets go");
	sleep_ms(SETTLE_MS);
	ok(trace_count("cdevm_free") == scopes, "the other one holds the card");
	close(cec_first ? f.frontend : f.cec);
	ok(wait_for(trace_count("cdevm_free") == scopes + 1, GONE_MS), "then it is freed");
	ok(board("frees") == frees + 2, "with that one");
	ok(board("uses") == uses, "the hardware was not used after the unbind");
}

/* If the demux is open, the unbind waits in ->remove(), after everything else is done. */
static void t_demux(void)
{
	struct dmx_pes_filter_params pes = { .pid = 0x100, .input = DMX_IN_FRONTEND,
					     .output = DMX_OUT_TAP, .pes_type = DMX_PES_OTHER,
					     .flags = DMX_IMMEDIATE_START };
	int demux, video;
	struct sleeper s = { .what = unbind };

	diag("a demux that is open holds up the unbind");
	video = xopen(find_video(BOARD), O_RDWR);
	demux = xopen(DEMUX, O_RDWR);
	ok(video >= 0 && demux >= 0, "open");
	ok_err(xioctl(demux, DMX_SET_PES_FILTER, &pes), 0, "DMX_SET_PES_FILTER");
	pthread_create(&s.thread, NULL, sleeper_main, &s);
	ok(wait_for(!find_video(BOARD)[0] && task_state(s.tid) == 'D', PROMPT_MS),
	   "the unbind waits, and the video node is gone");
	ok_err(querycap(video), ENODEV, "VIDIOC_QUERYCAP");
	close(video);
	ok(!sleeper_join(&s, 1000), "the unbind waits");
	close(demux);
	if (ok(sleeper_join(&s, 30000), "until it is closed"))
		ok_err(s.ret, 0, "unbind");
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int i;

	ours = is_ours();
	sigaction(SIGUSR1, &sa, NULL);
	if (!ok_err(insmod("board-nodes"), 0, "insmod board-nodes"))
		return done("v4l2-nodes");
	if (ours) {
		trace_on();
		trace_frees_only();
	}
	t_works();
	if (ours) {
		diag("unbound with tasks asleep in all nodes");
		t_unbind(true, false);
		bind(false);
		tap_quiet = true;
		for (i = 0; i < 5; i++) {
			t_unbind(i % 2, i % 3);
			bind(false);
		}
		tap_quiet = false;
		ok(true, "again, %d times", i);
		ok_err(unbind(NULL), 0, "unbind");
	} else {
		t_stock();
	}
	bind(true);
	t_demux();
	if (ours) {
		ok_err(rmmod("board_nodes"), 0, "rmmod");
		ok_no_leaks();
	}
	return done("v4l2-nodes");
}
