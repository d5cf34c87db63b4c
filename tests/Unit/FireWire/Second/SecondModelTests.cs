using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.FireWire.Bus;
using Xunit;

namespace Sluice.Tests.FireWire.Second;

/// <summary>
/// The tests of the driver once more, with a controller that takes each freedom that the specification gives it. Another seed is another
/// controller: SLUICE_SEEDS of them from SLUICE_SEED on, if these are set.
/// </summary>
public sealed class SecondModelTests
{
    private static readonly bool _areSet = Environment.GetEnvironmentVariable("SLUICE_SEEDS") != null;
    private static readonly int[] _seeds = [.. Enumerable.Range(Number("SLUICE_SEED", 1), Number("SLUICE_SEEDS", 40))];
    private static readonly string[] _kinds = [.. OhciMachine.Kinds.Select(row => row.Data)];

    private static readonly Dictionary<string, Action<string>> _tests = new()
    {
        ["transactions"] = kind => new OhciTests().Transactions_of_all_lengths_are_what_they_say(kind),
        ["63 nodes"] = kind => new OhciTests().Sixty_three_nodes_are_found_asked_and_used(kind),
        ["requests"] = kind => new OhciTests().Others_read_write_and_lock_what_is_offered_for_longer_than_the_ring(kind),
        ["closed memory"] = kind => new OhciTests().Memory_that_nobody_opened_is_closed_also_after_resets(kind),
        ["many at once"] = _ => new OhciTests().More_at_once_than_there_is_room_for_ends_in_order_and_whole(),
        ["late resets"] = kind => new OhciTests().Requests_that_come_before_a_reset_was_seen_are_carried_out(kind),
        ["a fw643"] = _ => new OhciTests().Cards_with_quirks_work("fw643"),
        ["a manager"] = kind => new OhciManagerTests().It_manages_a_bus("fw643", kind.Contains("bounced")),
        ["units"] = _ => new OhciManagerTests().Units_are_seen_by_others_after_the_reset_that_was_asked_for(),
        ["streams to all"] = _ => new OhciManagerTests().Streams_are_heard_by_all(),
        ["answers taken"] = kind => new OhciResponseTests().Answers_that_were_taken_interrupt_nobody_and_are_given_back(kind),
        ["answers not taken"] = _ => new OhciResponseTests().Answers_that_nobody_took_are_told_at_once(Ack.AddressError, 1),
        ["answers without room"] = _ => new OhciResponseTests().Answers_without_room_wait_for_those_before(),
        ["a disk"] = kind => new DiskOverOhciTests().A_disk_is_read_and_written_over_resets_until_it_is_pulled(kind),
        ["two units"] = kind => new DiskOverOhciTests().Of_two_units_of_a_node_one_is_let_go_while_the_other_works(kind),
        ["a disk pulled"] = _ => new DiskOverOhciTests().A_controller_that_is_pulled_ends_the_requests_of_its_disks(),
        ["pings"] = kind => new Ip1394OhciTests().Pings_both_ways_and_packets_to_all_arrive_whatever_the_memory(kind),
        ["pings and resets"] = _ => new Ip1394OhciTests().Bus_resets_do_not_end_what_is_said_to_all(),
        ["frames"] = kind => new IsoReceiveTests().Frames_are_what_was_said_and_change_hands_as_a_whole(kind),
        ["no buffers"] = _ => new IsoReceiveTests().A_context_without_buffers_goes_on_when_it_has_some_again("fw643"),
        ["what does not fit"] = kind => new IsoReceiveTests().What_does_not_fit_is_told_and_nothing_else_is_touched(kind),
        ["short ends"] = kind => new IsoReceiveTests().Buffers_that_end_with_a_short_packet_are_done(kind),
        ["start cycle"] = _ => new IsoReceiveTests().It_waits_for_its_cycle_and_takes_the_channel_and_the_tags_that_are_wanted(),
        ["stream and resets"] = _ => new IsoReceiveTests().Bus_resets_and_a_reset_of_the_controller_do_not_end_it(),
        ["contexts"] = _ => new IsoReceiveTests().There_are_so_many_contexts_as_the_controller_has(),
        ["several channels"] = kind => new IsoReceiveModesTests().Packets_of_several_channels_are_read_out_of_a_stream_wherever_buffers_end(kind),
        ["data alone"] = kind => new IsoReceiveModesTests().Data_alone_lies_one_behind_the_other(kind),
        ["no headers"] = kind => new IsoReceiveModesTests().Packets_without_headers_tell_how_long_they_are(kind),
        ["fronts"] = kind => new IsoReceiveModesTests().Fronts_of_packets_are_divided_from_the_rest(kind),
        ["fronts of long packets"] = kind => new IsoReceiveModesTests().Of_packets_that_are_longer_than_their_share_some_are_cut_and_no_others(kind),
        ["transmission"] = kind => new IsoTransmitTests().What_was_set_goes_out_a_packet_a_cycle(kind),
        ["transmission from a cycle"] = _ => new IsoTransmitTests().It_begins_with_its_cycle_and_goes_on_after_it_had_nothing("fw643"),
        ["lost cycles"] = kind => new IsoTransmitTests().A_packet_whose_cycle_is_lost_goes_out_late_or_not_at_all(kind.Contains("bounced")),
        ["a camera"] = kind => new CameraTests().Frames_come_whole_and_what_was_taken_is_given_back(kind),
        ["a camera and resets"] = kind => new CameraTests().Bus_resets_while_it_starts_sends_and_stops_are_survived(kind),
        ["a camera pulled"] = _ => new CameraTests().A_camera_that_is_pulled_ends_silent_and_works_when_it_is_back(),
        ["a tape"] = kind => new DvTests().A_tape_that_stands_still_is_played_and_all_its_frames_come(kind, "ntsc"),
        ["a tape and resets"] = kind => new DvTests().Bus_resets_while_it_starts_sends_and_stops_are_survived(kind, "ntsc"),
        ["resets at every step"] = _ => new OhciTests().Bus_resets_at_every_step_lose_what_was_under_way_and_nothing_else(),
    };

    // Each test has four of 40 seeds, unless they are set; then all.
    public static TheoryData<string, int> Runs =>
        [.. _tests.Keys.SelectMany((test, index) => _seeds.Where(seed => _areSet || (seed + index) % 10 == 0), (test, seed) => (test, seed)).Select(run => new TheoryDataRow<string, int>(run.test, run.seed))];

    public static TheoryData<int> Seeds => [.. _seeds];

    [Theory, MemberData(nameof(Runs))]
    public void It_works_with_a_controller_that_is_free(string test, int seed) => SecondModel.Use(seed, () => _tests[test](KindOf(seed)));

    /// <summary>The kind of memory that goes with a seed.</summary>
    internal static string KindOf(int seed) => _kinds[seed % _kinds.Length];

    private static int Number(string name, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(name), out int number) ? number : otherwise;
}
