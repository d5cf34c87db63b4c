// topology: what Linux knows of the bus, "FW node GUID id I local L root R irm M bm B generation G" for each /dev/fwN; numbers of nodes without
// the bus's. Who is bus manager is -1 until somebody is.
#include <fcntl.h>
#include <linux/firewire-cdev.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int number(uint32_t id)
{
	return id == 0xffff ? -1 : (int)(id & 0x3f);
}

int main(void)
{
	for (int i = 0; i < 128; i++) {
		uint32_t rom[256] = { 0 };
		struct fw_cdev_event_bus_reset bus = { 0 };
		struct fw_cdev_get_info info = { .version = 4, .rom_length = sizeof(rom), .rom = (uintptr_t)rom, .bus_reset = (uintptr_t)&bus };
		char path[32];
		int file;

		snprintf(path, sizeof(path), "/dev/fw%d", i);
		file = open(path, O_RDWR);
		if (file < 0)
			continue;
		if (ioctl(file, FW_CDEV_IOC_GET_INFO, &info) == 0)
			printf("FW node %08x%08x id %d local %d root %d irm %d bm %d generation %u\n", rom[3], rom[4], number(bus.node_id),
			       number(bus.local_node_id), number(bus.root_node_id), number(bus.irm_node_id), number(bus.bm_node_id), bus.generation);
		close(file);
	}
	return 0;
}
