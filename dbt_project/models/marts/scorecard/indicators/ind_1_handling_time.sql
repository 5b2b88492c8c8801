{{ mean_of_case_points(1) }}
